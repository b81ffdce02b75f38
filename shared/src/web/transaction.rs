//! A request's one transaction, in one round trip: authorization, the idempotency key, the request's own statements, the
//! audit row. A statement rejects the request by calling `reject()`, which all later statements see: the audit row of the
//! rejection commits, and nothing else does.

use tokio_postgres::Row;
use uuid::Uuid;

use super::audit::{AuditDetails, AuditRow, Recorded};
use super::caller::Caller;
use super::context::RequestContext;
use super::idempotency::Slot;
use super::response::ApiResponse;
use crate::app::App;
use crate::db::{DbError, FromRow, Sql, Statement, rows_of};
use crate::id::{TenantId, UserId};
use crate::problem::Problem;

/// Rejects a request for a reason that was found without the database.
const REJECT: Sql = Sql::prepared("SELECT reject($1)");

/// A request's transaction. The builder methods describe it and its audit row; the asynchronous methods send it.
pub struct Transaction<'a> {
    app: &'a App,
    request: &'a RequestContext,
    details: AuditDetails,
    before: Vec<Statement<'a>>,
}

impl RequestContext {
    /// Starts describing the request's transaction.
    pub fn transaction<'a>(&'a self, app: &'a App) -> Transaction<'a> {
        Transaction { app, request: self, details: AuditDetails::default(), before: Vec::new() }
    }
}

impl<'a> Transaction<'a> {
    /// Adds a resource that is acted on to the audit row.
    #[must_use]
    pub fn target(mut self, kind: &str, id: Uuid) -> Self {
        self.details.targets.insert(kind.to_owned(), id.to_string().into());
        self
    }

    /// Adds a resource that is acted on, but has no id of its own, to the audit row.
    #[must_use]
    pub fn target_named(mut self, kind: &str, name: impl Into<serde_json::Value>) -> Self {
        self.details.targets.insert(kind.to_owned(), name.into());
        self
    }

    /// Sets the action of the audit row, if it is not the route's.
    #[must_use]
    pub fn action(mut self, action: &'static str) -> Self {
        self.details.action = Some(action);
        self
    }

    /// Adds names of changed fields to the audit row; never their values.
    #[must_use]
    pub fn changes(mut self, fields: impl IntoIterator<Item = &'static str>) -> Self {
        self.details.changed.extend(fields);
        self
    }

    /// Sets the tenant of a sign-in in the audit row, before the request has a principal, and the user as its target.
    #[must_use]
    pub fn subject(mut self, tenant: Option<TenantId>, user: Option<UserId>) -> Self {
        self.details.tenant = tenant;
        match user {
            Some(user) => self.target("user_id", user.0),
            None => self,
        }
    }

    /// Adds a statement before the request's own; its rows are ignored.
    #[must_use]
    pub fn first(mut self, statement: Statement<'a>) -> Self {
        self.before.push(statement);
        self
    }

    /// Marks a transaction that only looks up what the request's own transaction needs: success leaves no audit row.
    #[must_use]
    pub fn look_up(mut self) -> Self {
        self.details.look_up = true;
        self
    }

    /// Records a rejection that was decided without the database. Returns the problem to respond with: this one, or the
    /// one that the database found first, such as an ended session.
    pub async fn reject(mut self, problem: Problem) -> Problem {
        let code = problem.code().name();
        self.details.status = Some(problem.code().status().as_u16());
        match self.send(vec![REJECT.bind(&code)], None).await {
            Err(other) if other.code() != problem.code() => other,
            _ => problem.audited(),
        }
    }

    /// Runs statements, and ignores their rows.
    ///
    /// # Errors
    /// The first rejection, or the failure of the database.
    pub async fn execute(self, statements: Vec<Statement<'a>>) -> Result<(), Problem> {
        self.send(statements, None).await.map(drop)
    }

    /// Runs several statements. Returns the rows of each, for [`rows_of`] to read.
    ///
    /// # Errors
    /// The first rejection, or the failure of the database.
    pub async fn each(self, statements: Vec<Statement<'a>>) -> Result<Vec<Vec<Row>>, Problem> {
        Ok(self.send(statements, None).await?.work)
    }

    /// Runs one statement and reads its rows.
    ///
    /// # Errors
    /// The first rejection, or the failure of the database.
    pub async fn all<T: FromRow>(self, statement: Statement<'a>) -> Result<Vec<T>, Problem> {
        rows_of(&self.send(vec![statement], None).await?.work.pop().unwrap_or_default())
    }

    /// Runs one statement that returns a row unless it rejects the request.
    ///
    /// # Errors
    /// The first rejection, or the failure of the database.
    pub async fn one<T: FromRow>(self, statement: Statement<'a>) -> Result<T, Problem> {
        self.all(statement).await?.pop().ok_or_else(|| {
            tracing::error!("a statement neither returned a row nor rejected the request");
            Problem::internal()
        })
    }

    /// Runs one statement and returns a response that was decided beforehand. Under an idempotency key, the same
    /// transaction stores the response, or finds the earlier one, which is returned instead.
    ///
    /// # Errors
    /// The first rejection, or the failure of the database.
    pub async fn respond(mut self, statement: Statement<'a>, response: ApiResponse) -> Result<ApiResponse, Problem> {
        self.details.status = Some(response.status.as_u16());
        let (app, request) = (self.app, self.request);
        let Some(slot) = Slot::of(request) else {
            self.send(vec![statement], None).await?;
            return Ok(response);
        };
        let stored = slot.seal(app, &response).await?;
        let replay = Replay { find: slot.find(), keep: slot.keep(&stored) };
        let sent = self.send(vec![statement], Some(replay)).await?;
        Ok(slot.open(app, &sent.found).await?.unwrap_or(response))
    }

    /// Checks that the caller is live, and looks for the response stored under the request's idempotency key: before a route
    /// makes anything outside the database, so that neither an ended session nor a repetition makes it. A response that is
    /// found has its audit row, like every replay. Otherwise returns the rows of `look_up`.
    ///
    /// # Errors
    /// The first rejection, or the failure of the database.
    pub async fn replay(mut self, look_up: Option<Statement<'a>>) -> Result<Replayed, Problem> {
        let (app, request) = (self.app, self.request);
        let slot = Slot::of(request);
        let finds = usize::from(slot.is_some());
        let statements = slot.as_ref().map(Slot::find).into_iter().chain(look_up).collect();
        let mut rows = request.transaction(app).look_up().each(statements).await?.into_iter();
        let found = rows.by_ref().take(finds).next().unwrap_or_default();
        let looked_up = rows.next().unwrap_or_default();
        let stored = match slot {
            Some(slot) => slot.open(app, &found).await?,
            None => None,
        };
        let Some(response) = stored else { return Ok(Replayed::No(looked_up)) };
        self.details.status = Some(response.status.as_u16());
        self.execute(Vec::new()).await?;
        Ok(Replayed::Yes(response))
    }

    /// Sends all statements of the transaction. Returns the rows of those that matter.
    async fn send(self, work: Vec<Statement<'_>>, replay: Option<Replay<'_>>) -> Result<Sent, Problem> {
        let Self { app, request, details, before } = self;
        let caller = Caller::of(request, &details);
        let audit = AuditRow::new(app, request, details);
        let (find, keep) = replay.map(|Replay { find, keep }| (find, keep)).unzip();
        let authorize = caller.authorize(request);
        let counts = [usize::from(authorize.is_some()), before.len(), usize::from(find.is_some()), work.len()];
        let statements = authorize.into_iter().chain(before).chain(find).chain(work).chain(keep);
        let statements = statements.chain([audit.record()]).collect();

        let mut rows = app.db.transact(statements, request.now).await?.into_iter();
        let [_, _, found, work] = counts.map(|count| rows.by_ref().take(count).collect::<Vec<_>>());
        let recorded = rows.next_back().and_then(|rows| rows.into_iter().next()).ok_or_else(Problem::internal)?;
        let recorded = Recorded::from_row(&recorded).map_err(DbError::Unexpected)?;
        let rejection = recorded.rejection()?;
        audit.copy(app, &recorded);
        match rejection {
            Some(code) => Err(Problem::of(code).audited()),
            None => Ok(Sent { found: found.into_iter().next().unwrap_or_default(), work }),
        }
    }
}

/// What [`Transaction::replay`] found.
pub enum Replayed {
    /// The stored response, to return.
    Yes(ApiResponse),
    /// No response: the rows of the look-up.
    No(Vec<Row>),
}

/// The statements of an idempotency key: `find` runs before the request's own, `keep` after it.
struct Replay<'a> {
    find: Statement<'a>,
    keep: Statement<'a>,
}

/// The rows that matter of a transaction that was sent.
struct Sent {
    /// Rows of [`Replay::find`].
    found: Vec<Row>,
    /// Rows of each of the request's own statements.
    work: Vec<Vec<Row>>,
}
