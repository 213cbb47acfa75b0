//! Reads scripts. A script that says something else than main.rs documents is refused with a panic that names the field.
use roam_core::SessionError;
use roam_core::session::raw;
use roam_types::{ConnectionSettings, Message, MessagePayload, Metadata, Parity, SelfRef};
use serde_json::{Value, json};

/// A JSON object of a script: the script itself, or one of its steps.
#[derive(Clone, Copy)]
pub struct Fields<'a>(pub &'a Value);

impl<'a> Fields<'a> {
    /// Returns a field. One that is null counts as absent.
    fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub fn text(self, name: &str) -> Option<&'a str> {
        let value = self.get(name)?;
        Some(
            value
                .as_str()
                .unwrap_or_else(|| panic!("{name}: {value} is not a string")),
        )
    }

    pub fn number(self, name: &str) -> Option<u64> {
        let value = self.get(name)?;
        Some(
            value
                .as_u64()
                .unwrap_or_else(|| panic!("{name}: {value} is not a natural number")),
        )
    }

    pub fn numbers(self, name: &str) -> Option<Vec<u64>> {
        let list = self.get(name)?;
        let numbers = list
            .as_array()
            .map(|items| items.iter().map(|item| item.as_u64()).collect::<Option<Vec<u64>>>());
        Some(
            numbers
                .flatten()
                .unwrap_or_else(|| panic!("{name}: {list} is not a list of natural numbers")),
        )
    }

    pub fn flag(self, name: &str) -> bool {
        self.0.get(name) == Some(&Value::Bool(true))
    }

    pub fn bytes(self, name: &str) -> Vec<u8> {
        unhex(self.text(name).unwrap_or(""))
    }

    pub fn needed_text(self, name: &str) -> &'a str {
        self.text(name)
            .unwrap_or_else(|| panic!("{}: {name} is missing", self.0))
    }

    pub fn needed_number(self, name: &str) -> u64 {
        self.number(name)
            .unwrap_or_else(|| panic!("{}: {name} is missing", self.0))
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Vec<u8> {
    let byte = |at: usize| {
        digits
            .get(2 * at..2 * at + 2)
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
            .unwrap_or_else(|| panic!("{digits:?} is not hexadecimal"))
    };
    (0..digits.len().div_ceil(2)).map(byte).collect()
}

/// Returns the settings and the metadata of a message in hexadecimal. Scripts give them as a message, because only a
/// decoder can make metadata with flags of any value.
pub fn settings_and_metadata(digits: &str) -> (ConnectionSettings, Metadata<'static>) {
    let no_settings = ConnectionSettings {
        parity: Parity::Odd,
        max_concurrent_requests: 0,
    };
    match &leaked(digits).payload {
        MessagePayload::ConnectionOpen(open) => (open.connection_settings.clone(), open.metadata.to_vec()),
        MessagePayload::ConnectionAccept(accept) => (accept.connection_settings.clone(), accept.metadata.to_vec()),
        MessagePayload::ConnectionReject(reject) => (no_settings, reject.metadata.to_vec()),
        MessagePayload::ConnectionClose(close) => (no_settings, close.metadata.to_vec()),
        _ => panic!("{digits}: neither an Open, an Accept, a Reject nor a Close"),
    }
}

/// Decodes a message, and never frees it: the reference wants metadata that lives for ever. That is some dozen bytes for
/// each script.
fn leaked(digits: &str) -> &'static Message<'static> {
    let decoded = raw::decode(&unhex(digits)).unwrap_or_else(|error| panic!("{digits}: {error}"));
    let message: &'static SelfRef<Message<'static>> = Box::leak(Box::new(decoded));
    message
}

pub fn settings_json(settings: &ConnectionSettings) -> Value {
    json!({"parity": parity_name(settings.parity), "max": settings.max_concurrent_requests})
}

pub fn parity_name(parity: Parity) -> &'static str {
    match parity {
        Parity::Odd => "odd",
        Parity::Even => "even",
    }
}

/// Returns the error's own text, without the prefix that its `Display` adds.
pub fn error_text(error: &SessionError) -> String {
    match error {
        SessionError::Protocol(text) => text.clone(),
        SessionError::Io(error) => format!("io: {error}"),
        SessionError::Rejected(_) => "rejected".into(),
    }
}
