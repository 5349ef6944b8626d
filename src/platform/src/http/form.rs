//! Bodies of HTML forms.

use super::problem::Problem;
use super::request::Request;
use handoff_wire::{FieldError, Target};

const TYPE: &str = "application/x-www-form-urlencoded";

impl Request {
    /// Reads the body as the fields of an HTML form, of at most `max_bytes`.
    ///
    /// # Errors
    /// 415 for another content type, 413 beyond the limit, 400 if it can't be read, or a field occurs
    /// twice.
    pub async fn form(self, max_bytes: u64) -> Result<Vec<(String, String)>, Problem> {
        let sent = self.sole_header("content-type")?.unwrap_or_default();
        let sent = sent.split(';').next().unwrap_or_default().trim();
        if !sent.eq_ignore_ascii_case(TYPE) {
            let detail = format!("Send the fields as {TYPE}.");
            let title = "Only forms are taken here";
            return Err(Problem::new(415, "unsupported-media-type", title, detail));
        }
        let body = self.body(max_bytes).await?;
        let body = String::from_utf8(body).map_err(|_| {
            let reason = "the form is not UTF-8".to_owned();
            Problem::invalid(FieldError::new_at(None, reason))
        })?;
        Ok(Target::new(&format!("?{body}")).query()?)
    }
}
