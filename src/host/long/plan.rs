//! What an archive would hold, before anybody decides on it. Nothing is claimed and nothing changes.

use super::{Job, find, workspace};
use crate::archive;
use crate::error::Result;
use crate::ipc::{ArchiveOptions, ArchivePlan, DirectoryPlan, Response, Selector};

impl Job {
    pub(super) async fn plan_archive(&self, selector: Selector, options: ArchiveOptions) -> Result<Response> {
        let id = find(&self.shared, selector).await?.id;
        let (session, files) = self.everything_of(id).await?;
        let mut own: Vec<_> = files.into_iter().map(|(_, file)| file).collect();
        own.push(self.inbox(id));
        let dir = workspace(&session, &options)?;
        let all_files = options.all_files || session.managed;
        let measure = self.work(move |cancel| {
            let surveyed = dir.map(|dir| archive::survey(&dir, all_files, cancel)).transpose()?;
            Ok((archive::size(&own, cancel)?, surveyed))
        });
        let (own, surveyed) = measure.await?;
        let directory = surveyed.map(|survey| DirectoryPlan {
            files: survey.packed.files,
            bytes: survey.packed.bytes,
            ignored_files: survey.ignored.files,
            ignored_bytes: survey.ignored.bytes,
            ignored: survey.largest_ignored,
        });
        let listed = self.shared.store.read(move |db| db.listed(id)).await?;
        let session = self.shared.view(listed);
        Ok(Response::ArchivePlan(Box::new(ArchivePlan { session, own, directory })))
    }
}
