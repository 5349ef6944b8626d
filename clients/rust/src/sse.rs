//! Server-sent events, as the HTML standard says.

/// The most digits of a time before a reconnection.
const RETRY_DIGITS_MAX: usize = 15;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads events from bytes that come in pieces: characters and line ends may be cut in two.
#[derive(Default)]
pub(crate) struct EventParser {
    /// The id of the last event that was complete. It stays until an event has another one.
    pub(crate) last_event_id: String,
    /// The milliseconds before a reconnection that the server asks for.
    pub(crate) retry_ms: Option<u64>,
    id: String,
    name: String,
    data: Vec<String>,
    line: Vec<u8>,
    after_cr: bool,
    begun: bool,
}

/// The name and the data of an event.
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: String,
}

impl EventParser {
    pub(crate) fn new(last_event_id: &str) -> Self {
        Self {
            last_event_id: last_event_id.to_owned(),
            id: last_event_id.to_owned(),
            ..Self::default()
        }
    }

    /// The events that this piece completes.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Vec<Message> {
        let mut events = Vec::new();
        for &byte in piece {
            let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if after_cr => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                byte => self.line.push(byte),
            }
        }
        events
    }

    fn end_line(&mut self) -> Option<Message> {
        let bytes = std::mem::take(&mut self.line);
        let bytes = match self.begun {
            false => bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes),
            true => &bytes,
        };
        self.begun = true;
        if bytes.is_empty() {
            return self.dispatch();
        }
        self.field(&String::from_utf8_lossy(bytes));
        None
    }

    fn dispatch(&mut self) -> Option<Message> {
        // Not before: the event of an id that is cut off must come again.
        self.last_event_id.clone_from(&self.id);
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        (!data.is_empty()).then(|| Message {
            id: self.id.clone(),
            name,
            data: data.join("\n"),
        })
    }

    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => self.data.push(value.to_owned()),
            "event" => value.clone_into(&mut self.name),
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if value.len() <= RETRY_DIGITS_MAX => {
                let digits = value.bytes().all(|byte| byte.is_ascii_digit());
                if let (true, Ok(ms)) = (digits, value.parse()) {
                    self.retry_ms = Some(ms);
                }
            }
            _ => {}
        }
    }
}
