//! A request's one transaction, in one flight: enter, the idempotency key, the request's own statements, the audit row.
//! Whatever refuses on the way does so by a verdict that all later statements see, so that the refusal's audit row
//! commits in the same flight and nothing else does.

use tokio_postgres::Row;
use uuid::Uuid;

use super::context::RequestContext;
use super::idempotency;
use super::response::ApiResponse;
use crate::app::App;
use crate::db::{FromRow, Statement, rows_of};
use crate::id::{TenantId, UserId};
use crate::identity::principal::Principal;
use crate::identity::token::Claims;
use crate::problem::{Code, Problem};
use crate::route::{Access, Audited};
use crate::telemetry::audit;

/// Lets the session in and sets the tenant, or gives the verdict `unauthenticated`.
const ENTER: &str = "SELECT authorize_session($1, $2, $3, $4, $5, $6)";
/// The same, but for a session that may only set up one-time codes too.
const ENTER_ENROLLING: &str = "SELECT authorize_enrolling_session($1, $2, $3, $4, $5, $6)";
/// The same for an API token, whose scopes are checked on the way.
const ENTER_TOKEN: &str = "SELECT authorize_api_token($1, $2, $3, $4)";
/// Gives the verdict of a refusal that was found before the database was asked.
const REFUSE: &str = "SELECT reject($1)";
/// Appends the audit row and says what stands: the verdict, and the actor and tenant as the database knows them.
const RECORD: &str = "SELECT refused, actor, tenant, outcome, again FROM record_audit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";

/// What the audit row tells beyond the call itself.
#[derive(Debug, Default, Clone)]
pub(crate) struct Entry {
    pub(crate) status: Option<u16>,
    pub(crate) targets: serde_json::Map<String, serde_json::Value>,
    pub(crate) changed: Vec<&'static str>,
    /// What happened, where it is not what the route is for.
    pub(crate) action: Option<&'static str>,
    /// Whom a sign-in concerns, before any principal is known.
    pub(crate) subject: (Option<TenantId>, Option<UserId>),
}

/// A transaction in the making: what it concerns is named first, then its statements are sent.
pub struct Transaction<'a> {
    app: &'a App,
    request: &'a RequestContext,
    entry: Entry,
    first: Vec<Statement<'a>>,
    then: Vec<Statement<'a>>,
    looks_up: bool,
}

impl RequestContext {
    /// Begins to describe the request's transaction.
    pub fn transaction<'a>(&'a self, app: &'a App) -> Transaction<'a> {
        Transaction {
            app,
            request: self,
            entry: Entry::default(),
            first: Vec::new(),
            then: Vec::new(),
            looks_up: false,
        }
    }

    /// Writes a refusal to the audit log, in a flight of its own. The session is checked on the way: where it has ended,
    /// that is the answer, whatever else was wrong.
    pub(super) async fn refuse(&self, app: &App, problem: Problem) -> Problem {
        self.transaction(app).refuse(problem).await
    }
}

impl<'a> Transaction<'a> {
    /// Names something acted on, for the audit row.
    #[must_use]
    pub fn target(mut self, kind: &str, id: Uuid) -> Self {
        self.entry.targets.insert(kind.to_owned(), id.to_string().into());
        self
    }

    /// Names something acted on that has no id of its own, for the audit row.
    #[must_use]
    pub fn target_named(mut self, kind: &str, name: impl Into<serde_json::Value>) -> Self {
        self.entry.targets.insert(kind.to_owned(), name.into());
        self
    }

    /// Names what the audit row tells of, where it is not what the route is for.
    #[must_use]
    pub fn action(mut self, action: &'static str) -> Self {
        self.entry.action = Some(action);
        self
    }

    /// Names the fields that change, for the audit row; never their values.
    #[must_use]
    pub fn changes(mut self, fields: impl IntoIterator<Item = &'static str>) -> Self {
        self.entry.changed.extend(fields);
        self
    }

    /// Names whom a sign-in concerns, where the request has no principal yet.
    #[must_use]
    pub fn concerns(mut self, tenant: Option<TenantId>, user: Option<UserId>) -> Self {
        self.entry.subject = (tenant, user);
        self
    }

    /// Sends this statement before the one that matters; its rows are passed over.
    #[must_use]
    pub fn first(mut self, statement: Statement<'a>) -> Self {
        self.first.push(statement);
        self
    }

    /// Sends this statement after the one that matters; its rows are passed over.
    #[must_use]
    pub fn then(mut self, statement: Statement<'a>) -> Self {
        self.then.push(statement);
        self
    }

    /// It only looks up what the request's own transaction needs: where all is well, it leaves no audit row.
    #[must_use]
    pub fn look_up(mut self) -> Self {
        self.looks_up = true;
        self
    }

    /// Records a refusal that was decided without the database, and gives back the problem to answer with: this one, or
    /// the one that the database found first.
    pub async fn refuse(mut self, problem: Problem) -> Problem {
        let code = problem.code().name();
        self.entry.status = Some(problem.code().status().as_u16());
        match self.run(vec![Statement::new(REFUSE).bind(&code)]).await {
            Err(verdict) if verdict.code() != problem.code() => verdict,
            _ => problem.audited(),
        }
    }

    /// Sends statements whose rows do not matter.
    ///
    /// # Errors
    /// The verdict, where anything refused; otherwise what the database could not do.
    pub async fn execute(self, statements: Vec<Statement<'a>>) -> Result<(), Problem> {
        self.run(statements).await.map(drop)
    }

    /// Sends several statements and gives the rows of each, for [`rows_of`] to read.
    pub async fn each(self, statements: Vec<Statement<'a>>) -> Result<Vec<Vec<Row>>, Problem> {
        self.run(statements).await
    }

    /// Sends one statement and reads the rows it returns.
    pub async fn all<T: FromRow>(self, statement: Statement<'a>) -> Result<Vec<T>, Problem> {
        rows_of(&self.run(vec![statement]).await?.pop().unwrap_or_default())
    }

    /// Sends one statement that returns a row unless it gives a verdict.
    pub async fn one<T: FromRow>(self, statement: Statement<'a>) -> Result<T, Problem> {
        self.all(statement).await?.pop().ok_or_else(|| {
            tracing::error!("a statement gave neither a row nor a verdict");
            Problem::internal()
        })
    }

    /// Sends one statement and, where it is not refused, answers as was decided beforehand. Under an idempotency key the
    /// answer is kept in the same transaction, and an earlier one found there is given again instead.
    pub async fn answer(mut self, statement: Statement<'a>, answer: ApiResponse) -> Result<ApiResponse, Problem> {
        self.entry.status = Some(answer.status.as_u16());
        let (app, request) = (self.app, self.request);
        let (Some(key), Some(fingerprint)) = (&request.idempotency_key, request.fingerprint.get()) else {
            self.run(vec![statement]).await?;
            return Ok(answer);
        };
        let tenant = request.tenant().unwrap_or(TenantId::PLATFORM);
        // Only users make what is shown once.
        let user =
            request.principal.as_ref().and_then(Principal::user).map_or(UserId(Uuid::nil()), |claims| claims.sub);
        let (body, sealed_with) = idempotency::keepable(app, tenant, user, key, &answer).await?;
        let (status, headers) = (i32::from(answer.status.as_u16()), answer.kept_headers());
        let find = Statement::new(idempotency::FIND).bind(key).bind(fingerprint).bind(&request.now);
        let keep = Statement::new(idempotency::KEEP).bind(key).bind(fingerprint).bind(&request.now);
        let keep = keep.bind(&status).bind(&headers).bind(&body).bind(&sealed_with);
        let rows = self.first(find).then(keep).run_whole(vec![statement]).await?;
        let found = idempotency::found(app, tenant, user, key, rows.first().map_or(&[], Vec::as_slice)).await?;
        Ok(found.unwrap_or(answer))
    }

    /// Sends all statements; gives the rows of those that matter.
    async fn run(self, work: Vec<Statement<'_>>) -> Result<Vec<Vec<Row>>, Problem> {
        let (before, asked) = (self.first.len(), work.len());
        let mut rows = self.run_whole(work).await?;
        rows.truncate(before + asked);
        Ok(rows.split_off(before.min(rows.len())))
    }

    /// Sends all statements; gives the rows of each: first ones, those that matter, and those after.
    async fn run_whole(self, work: Vec<Statement<'_>>) -> Result<Vec<Vec<Row>>, Problem> {
        let Self { app, request, entry, first, then, looks_up } = self;
        let claims = request.principal.as_ref().and_then(Principal::user);
        let role = claims.map(|claims| claims.role.name());
        let session = claims.map(|claims| claims.sid);
        // What a token of ours says is told even where its session has ended; an API token's words prove nothing yet.
        let user = claims.map(|claims| claims.sub).or(entry.subject.1);
        let tenant = claims.map(Claims::home).or(entry.subject.0);

        let id = app.rng.uuid(request.now);
        let always = match request.route.audited {
            _ if looks_up => false,
            Audited::Always => true,
            Audited::Reads => app.config.audit_reads,
            Audited::Never => false,
        };
        let status = i32::from(entry.status.unwrap_or(request.route.success));
        let method = request.method.as_str();
        let targets = serde_json::Value::Object(entry.targets.clone());

        let permission = match request.route.access {
            // Where only a user's JWT will do, the refusal is that, whatever the token's scopes are.
            Access::Holder(permission) if !request.route.needs_jwt() => Some(permission.name()),
            _ => None,
        };
        let enter = request.principal.as_ref().map(|principal| match principal {
            Principal::User(_) => {
                let enter = if request.route.enrols { ENTER_ENROLLING } else { ENTER };
                let enter = Statement::prepared(enter).bind(&session).bind(&user).bind(&tenant).bind(&role);
                enter.bind(&request.now).bind(&request.chosen_tenant)
            }
            Principal::ApiToken(token) => {
                let enter = Statement::prepared(ENTER_TOKEN).bind(&token.hash).bind(&token.tenant);
                enter.bind(&permission).bind(&request.now)
            }
        });
        let entered = usize::from(enter.is_some());
        let mut statements = Vec::with_capacity(entered + first.len() + work.len() + then.len() + 1);
        statements.extend(enter);
        statements.extend(first);
        statements.extend(work);
        statements.extend(then);
        let record = Statement::prepared(RECORD).bind(&id).bind(&request.now).bind(&request.request_id).bind(&always);
        let action = entry.action.unwrap_or(request.route.action);
        let record = record.bind(&action).bind(&method).bind(&request.path).bind(&status);
        let record = record.bind(&request.source_ip).bind(&request.user_agent).bind(&targets).bind(&entry.changed);
        statements.push(record.bind(&tenant).bind(&user).bind(&role).bind(&session));

        let mut rows = app.db.transact(statements, request.now).await?;
        let recorded = rows.pop().and_then(|rows| rows.into_iter().next()).ok_or_else(Problem::internal)?;
        let rows = rows.split_off(entered.min(rows.len()));
        let refused = rejection(&recorded)?;
        let (outcome, again): (i32, bool) =
            (recorded.try_get(3).map_err(unreadable)?, recorded.try_get(4).map_err(unreadable)?);
        if let Some(path) = app.config.audit_log_path.as_deref()
            && (always || outcome >= 400)
            && !again
        {
            audit::copy(path, id, request, &entry, outcome, &recorded);
        }
        match refused {
            Some(code) => Err(Problem::of(code).audited()),
            None => Ok(rows),
        }
    }
}

/// The verdict that stands at the end, as the audit row has it.
fn rejection(recorded: &Row) -> Result<Option<Code>, Problem> {
    let name: Option<&str> = recorded.try_get(0).map_err(unreadable)?;
    name.map(|name| {
        Code::named(name).ok_or_else(|| {
            tracing::error!(name, "the database gave a verdict that is no problem code");
            Problem::internal()
        })
    })
    .transpose()
}

fn unreadable(error: tokio_postgres::Error) -> Problem {
    crate::db::DbError::Unexpected(error).into()
}
