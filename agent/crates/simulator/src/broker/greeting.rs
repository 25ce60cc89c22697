//! Who a client is, what it asks for and what it is told when it comes.

use std::time::Duration;

use rumqttc::v5::mqttbytes::v5::{ConnAckProperties, Connect, ConnectReturnCode, Login};

use super::state::Visitor;

/// Who the client is: user name and client id must be the name in its certificate.
pub(super) fn check_name(
    name: Option<String>,
    connect: &Connect,
    login: Option<&Login>,
) -> Result<String, ConnectReturnCode> {
    if connect.client_id.is_empty() {
        return Err(ConnectReturnCode::ClientIdentifierNotValid);
    }
    let Some(name) = name else {
        return Ok(login.map_or_else(|| connect.client_id.clone(), |l| l.username.clone()));
    };
    if login.is_some_and(|login| login.username != name) {
        return Err(ConnectReturnCode::BadUserNamePassword);
    }
    if connect.client_id != name {
        return Err(ConnectReturnCode::ClientIdentifierNotValid);
    }
    Ok(name)
}

pub(super) fn visitor(connect: &Connect, user: String) -> Visitor {
    let properties = connect.properties.as_ref();
    let expiry = properties.and_then(|properties| properties.session_expiry_interval);
    Visitor {
        client: connect.client_id.clone(),
        user,
        clean_start: connect.clean_start,
        expiry: seconds(expiry.unwrap_or(0)),
        receive_maximum: properties
            .and_then(|p| p.receive_maximum)
            .unwrap_or(u16::MAX),
    }
}

pub(super) fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds))
}

pub(super) fn abilities(receive_maximum: u16, packet_size_max: u32) -> ConnAckProperties {
    ConnAckProperties {
        session_expiry_interval: None,
        receive_max: Some(receive_maximum),
        max_qos: Some(1),
        retain_available: None,
        max_packet_size: Some(packet_size_max),
        assigned_client_identifier: None,
        topic_alias_max: None,
        reason_string: None,
        user_properties: Vec::new(),
        wildcard_subscription_available: None,
        subscription_identifiers_available: Some(0),
        shared_subscription_available: Some(1),
        server_keep_alive: None,
        response_information: None,
        server_reference: None,
        authentication_method: None,
        authentication_data: None,
    }
}
