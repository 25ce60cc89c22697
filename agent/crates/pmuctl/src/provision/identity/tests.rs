use super::*;

#[test]
fn a_request_is_for_one_key_and_one_name() {
    let [key, other] = [(); 2].map(|()| Key::generate().unwrap());
    let [id, other_id]: [GatewayId; 2] = ["pmu-014", "pmu-015"].map(|id| id.parse().unwrap());
    let request = key.request(&id).unwrap();
    assert!(request.starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
    assert!(key.has_requested(&id, &request));
    assert!(!key.has_requested(&other_id, &request));
    assert!(!other.has_requested(&id, &request));
    assert!(!key.has_requested(&id, "nothing"));
}

#[test]
fn a_key_is_read_as_it_was_written() {
    let key = Key::generate().unwrap();
    let again = Key::from_pem(&key.to_pem()).unwrap();
    assert_eq!(key.public(), again.public());
    assert!(Key::from_pem("nothing").is_err());
}
