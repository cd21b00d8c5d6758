use super::*;
use proptest::prelude::*;

/// Does the same with all kinds of lanes; where there are no others, they are the portable ones.
struct Everything {
    block: Block,
    bits: u64,
}

impl Task for Everything {
    type Output = (Classes, u64, Vec<u8>);

    #[inline(always)]
    fn run(self, lanes: impl Lanes) -> Self::Output {
        let mut kept = [0; 64];
        lanes.compact(&self.block, self.bits, &mut kept);
        let length = self.bits.count_zeros() as usize;
        (lanes.classes(&self.block), lanes.odd_from_start(self.bits), kept[..length].to_vec())
    }
}

fn all(block: Block, bits: u64) -> <Everything as Task>::Output {
    let portable = Everything { block, bits }.run(Portable);
    assert_eq!(best(Everything { block, bits }), portable);
    assert_eq!(second_best(Everything { block, bits }), portable);
    portable
}

#[test]
fn every_byte_at_every_place_has_its_class() {
    for byte in 0..=u8::MAX {
        for place in 0..64 {
            let mut block = [b'a'; 64];
            block[place] = byte;
            let (classes, ..) = all(block, 0);
            let bit = |is: bool| u64::from(is) << place;
            assert_eq!(classes.quote, bit(byte == b'"'));
            assert_eq!(classes.backslash, bit(byte == b'\\'));
            assert_eq!(classes.open, bit(b"{[".contains(&byte)));
            assert_eq!(classes.close, bit(b"}]".contains(&byte)));
            assert_eq!(classes.comma, bit(byte == b','));
            assert_eq!(classes.colon, bit(byte == b':'));
            assert_eq!(classes.blank, bit(b" \t\n\r".contains(&byte)));
            assert_eq!(classes.control, bit(byte < 0x20));
        }
    }
}

proptest! {
    #[test]
    fn lanes_answer_what_a_loop_over_bytes_answers(bytes in prop::collection::vec(any::<u8>(), 64), bits in any::<u64>(), fewer in any::<u64>()) {
        for bits in [bits, bits & fewer, bits | fewer, 0, u64::MAX] {
            let block: Block = bytes.clone().try_into().unwrap();
            let (_, odd, kept) = all(block, bits);
            for place in 0..64 {
                prop_assert_eq!(odd >> place & 1, u64::from((bits << (63 - place)).count_ones() % 2));
            }
            let expected: Vec<u8> = (0..64).filter(|place| bits >> place & 1 == 0).map(|place| bytes[place]).collect();
            prop_assert_eq!(kept, expected);
        }
    }

    #[test]
    fn every_second_backslash_of_a_run_begins_an_escape(bits in any::<u64>(), fewer in any::<u64>()) {
        for bits in [bits, bits & fewer, bits | fewer] {
            let mut expected = 0;
            let mut escaped = false;
            for place in 0..64 {
                let introduces = bits >> place & 1 == 1 && !escaped;
                expected |= u64::from(introduces) << place;
                escaped = introduces;
            }
            prop_assert_eq!(introducing(bits), expected);
        }
    }
}

#[test]
fn a_block_at_the_end_of_a_text_is_filled_up() {
    let block = |text: &[u8], at, filling| *block_at(text, at, filling, &mut [1; 64]);
    assert_eq!(block(b"abc", 1, b' ')[..3], *b"bc ");
    assert_eq!(block(b"abc", 3, 0), [0; 64]);
    assert_eq!(block(&[7; 65], 1, 0), [7; 64]);
}
