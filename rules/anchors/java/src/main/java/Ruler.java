import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import software.amazon.event.ruler.Machine;

/**
 * Matches events with event-ruler. Arguments: a file with one event per line and one with one pattern per line. Prints
 * nanoseconds of the whole process per event (median of windows, after it is warm), matches of one pass, bytes per rule.
 */
public class Ruler {
  public static void main(String[] files) throws Exception {
    List<String> events = Files.readAllLines(Path.of(files[0]));
    List<String> patterns = Files.readAllLines(Path.of(files[1]));
    long before = used();
    Machine machine = new Machine();
    for (int rule = 0; rule < patterns.size(); rule++) machine.addRule("r" + rule, patterns.get(rule));
    long bytes = (used() - before) / patterns.size();
    long matches = 0;
    for (String event : events) matches += machine.rulesForJSONEvent(event).size();
    OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    // By CPU time throughout: on a busy machine a few seconds of the clock warm nothing.
    long warm = system.getProcessCpuTime() + 8_000_000_000L;
    while (system.getProcessCpuTime() < warm) for (String event : events) machine.rulesForJSONEvent(event);
    double[] windows = new double[5];
    for (int window = 0; window < windows.length; window++) {
      long from = system.getProcessCpuTime();
      long passes = 0;
      for (; system.getProcessCpuTime() < from + 1_000_000_000L; passes++) {
        for (String event : events) machine.rulesForJSONEvent(event);
      }
      windows[window] = (system.getProcessCpuTime() - from) / (double) (passes * events.size());
    }
    Arrays.sort(windows);
    System.out.println(windows[windows.length / 2] + " " + matches + " " + bytes);
  }

  private static long used() {
    for (int time = 0; time < 3; time++) System.gc();
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }
}
