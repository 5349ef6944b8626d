//! The body of `POST /v1/workflows`.

use super::{NOW_MS, assert_names_field};
use handoff_queue::{CHAIN_MAX, DELAY_MAX_MS, GROUP_MAX, RETENTION_MIN_MS, Workflow};
use handoff_tasks::registry;
use handoff_wire::{WorkflowRequest, from_slice};

/// What an error may name although it is not there: what every workflow needs.
const MISSING: [&str; 1] = ["chain"];

/// A workflow is taken within the documented bounds, or an error names the field.
pub(crate) fn run(bytes: &[u8]) {
    let check = |request: WorkflowRequest| {
        request.check(&registry().with_faults(|| true), None, 100_000, NOW_MS)
    };
    match from_slice(bytes).and_then(check) {
        Ok((workflow, checked)) => {
            assert!((1..=CHAIN_MAX).contains(&workflow.steps.len()));
            let mut sizes = workflow.steps.iter().map(|step| step.len());
            assert!(sizes.all(|size| (1..=GROUP_MAX).contains(&size)));
            assert!((RETENTION_MIN_MS..=DELAY_MAX_MS).contains(&checked.task.retention_ms));
            // What is stored is read again as the same.
            let stored = checked.task.args.read::<Workflow>();
            assert_eq!(stored.ok(), Some(workflow));
        }
        Err(error) => assert_names_field(&error, bytes, &MISSING),
    }
}
