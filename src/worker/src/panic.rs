//! Handling a panic, which ends the instance. Before that the panicked task gets its failed
//! attempt, and the others in progress here are put back. A trap leaves no time for this: rescue
//! finds its tasks.

use crate::HostWorker;
use crate::traces::Traces;
use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;

thread_local! {
    static WORKER: RefCell<Option<Reports>> = const { RefCell::new(None) };
}

/// What a panic is reported to: the worker, and its traces.
type Reports = (Rc<HostWorker>, Option<Rc<Traces>>);

/// Reports panics from now on.
pub(crate) fn report_to(worker: Rc<HostWorker>, traces: Option<Rc<Traces>>) {
    WORKER.with(|w| *w.borrow_mut() = Some((worker, traces)));
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        print(info);
        // Take it out, so that a panic in here is not reported again.
        let worker = WORKER.with(|w| w.try_borrow_mut().ok().and_then(|mut w| w.take()));
        if let Some((worker, traces)) = worker {
            let message = info.payload_as_str().unwrap_or("no message");
            let message = with_place(message, info.location());
            handoff_platform::run(async {
                worker.panicked(&message).await;
                if let Some(traces) = traces {
                    traces.send().await;
                }
            });
        }
    }));
}

/// The message with the place in the source, without the folders of the machine that built it.
fn with_place(message: &str, place: Option<&Location<'_>>) -> String {
    let Some(place) = place else {
        return message.to_owned();
    };
    let file = place.file();
    let file = file.rfind("src/").map_or(file, |at| &file[at..]);
    format!("{message} (at {file}:{})", place.line())
}
