use std::io::Write;

use super::layers::Source;
use super::*;
use crate::arguments::SettingFlags;

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn layers(flags: &SettingFlags, environment: &[(&str, &str)], text: &str) -> Result<Layers, Failure> {
    let environment =
        environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Layers::gather(flags, &environment, Some(file(text).path()))
}

#[test]
fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    let flags = SettingFlags { app: Some("from-flag".into()), ..SettingFlags::default() };
    let environment = [("TOCSIN_APP", "from-env"), ("TOCSIN_PARTITIONS", "8")];
    let text = "app = 'from-file'\npartitions = 16\nlisten = '127.0.0.1:1'";
    let layers = layers(&flags, &environment, text).unwrap();
    let config = Config::read(&layers).unwrap();
    assert_eq!((config.app.as_str(), config.partitions), ("from-flag", 8));
    assert_eq!(config.listen, "127.0.0.1:1".parse().unwrap());
    assert_eq!(config.topics.alerts, "from-flag.alerts");
    assert_eq!(layers.source("app"), &Source::Flag);
    assert_eq!(layers.source("data"), &Source::Default);
}

#[test]
fn every_wrong_setting_is_told_with_its_source() {
    let text = "app = 'a b'\nlisten = 'here'\npartitions = 0\nlog-format = 'xml'\nname = 'a/b'";
    let error = Config::read(&layers(&SettingFlags::default(), &[], text).unwrap()).unwrap_err().to_string();
    for part in
        ["app: `a b` (from file", "listen: `here`", "partitions: `0`", "log-format: `xml`", "name: `a/b`"]
    {
        assert!(error.contains(part), "{part} in {error}");
    }
}

#[test]
fn a_setting_that_does_not_exist_is_refused() {
    let error = layers(&SettingFlags::default(), &[], "lissen = 'x'").unwrap_err();
    assert!(error.to_string().contains("there is no setting `lissen`"), "{error}");
    assert!(layers(&SettingFlags::default(), &[], "app = [1]").is_err());
    assert!(layers(&SettingFlags::default(), &[], "app = ").is_err());
}

#[test]
fn settings_of_the_kafka_client_pass_and_their_secrets_are_masked_and_may_come_from_files() {
    let secret = file("hunter2\n");
    let text = format!(
        "[kafka-client]\n'security.protocol' = 'SASL_SSL'\n'sasl.password' = 'file:{}'",
        secret.path().display()
    );
    let layers = layers(&SettingFlags::default(), &[], &text).unwrap();
    let config = Config::read(&layers).unwrap();
    assert_eq!(config.kafka_client["sasl.password"], "hunter2");
    assert_eq!(config.kafka_client["security.protocol"], "SASL_SSL");
    let shown = format!("{:?}", layers.show());
    assert!(!shown.contains("hunter2") && shown.contains("SASL_SSL"), "{shown}");
}

#[test]
fn an_address_that_others_reach_needs_a_declared_proxy() {
    let open = "listen = '0.0.0.0:8080'";
    let error = Config::read(&layers(&SettingFlags::default(), &[], open).unwrap()).unwrap_err();
    assert!(error.to_string().contains("--tls-proxy true"), "{error}");
    let declared = [("TOCSIN_TLS_PROXY", "true")];
    assert!(Config::read(&layers(&SettingFlags::default(), &declared, open).unwrap()).is_ok());
}

#[test]
fn checkpoints_lie_in_the_data_folder_unless_they_are_told_elsewhere_or_off() {
    let read = |text: &str| Config::read(&layers(&SettingFlags::default(), &[], text).unwrap());
    let settings = read("data = 'd/'").unwrap().checkpoints.unwrap();
    assert_eq!((settings.location.as_str(), settings.app.as_str()), ("d/checkpoints", "tocsin"));
    assert_eq!((settings.interval.as_secs(), settings.bytes, settings.kept), (60, 1 << 30, 3));
    assert!(read("checkpoints = 'off'").unwrap().checkpoints.is_none());
    let bucket = "checkpoints = 's3://b/p'\ncheckpoint-mib-per-second = 0\n[checkpoint-store]\naws_endpoint = 'http://e'";
    let settings = read(bucket).unwrap().checkpoints.unwrap();
    assert_eq!((settings.location.as_str(), settings.bytes_per_second), ("s3://b/p", None));
    assert_eq!(settings.options["aws_endpoint"], "http://e");
    let wrong = read("checkpoint-interval = '5'\ncheckpoints-kept = 0").unwrap_err().to_string();
    assert!(wrong.contains("checkpoint-interval: `5`") && wrong.contains("checkpoints-kept: `0`"), "{wrong}");
}

#[test]
fn an_issuer_of_tokens_is_read_with_its_roles_and_checked() {
    let flags = SettingFlags::default();
    let text = "oidc.issuer = 'https://id.example.org'\noidc.audience = 'tocsin'\n[oidc-roles]\n'SOC team' = 'responder'";
    let config = Config::read(&layers(&flags, &[], text).unwrap()).unwrap();
    assert!(config.oidc.is_some());
    assert!(Config::read(&layers(&flags, &[], "").unwrap()).unwrap().oidc.is_none());
    for (text, part) in [
        ("oidc.issuer = 'http://id.example.org'\noidc.audience = 'a'", "oidc.issuer"),
        ("oidc.issuer = 'https://id.example.org'", "oidc.audience"),
        ("oidc.audience = 'a'", "oidc.issuer"),
        ("oidc.issuer = 'https://i'\noidc.audience = 'a'\n[oidc-roles]\nx = 'boss'", "boss"),
    ] {
        let error = Config::read(&layers(&flags, &[], text).unwrap()).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn the_database_is_named_by_a_url_or_a_file_and_its_password_never_shown() {
    let flags = SettingFlags::default();
    let default = Config::read(&layers(&flags, &[], "data = '/d'").unwrap()).unwrap();
    assert_eq!(default.records, Location::File("/d/records.db".into()));
    let url = "postgres://user:s3cret@db/tocsin";
    let secret = file(url);
    for text in [url.to_owned(), format!("file:{}", secret.path().display())] {
        let layers = layers(&flags, &[("TOCSIN_DATABASE", &text)], "").unwrap();
        assert_eq!(Config::read(&layers).unwrap().records, Location::Postgres(url.to_owned()));
        assert!(!layers.show().iter().any(|(_, value, _)| value.contains("s3cret")));
    }
    let wrong = layers(&flags, &[("TOCSIN_DATABASE", "user:s3cret@db")], "").unwrap();
    let error = Config::read(&wrong).unwrap_err().to_string();
    assert!(error.contains("database:") && !error.contains("s3cret"), "{error}");
}
