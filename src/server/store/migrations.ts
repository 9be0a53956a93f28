/** The database's shape, one numbered step after another. Steps that were released are never changed: add another. */

export interface Migration {
  readonly version: number;
  readonly statements: readonly string[];
}

const TIME = 'timestamptz not null';
const BLOB = 'text not null references blobs (sha256)';
const PARTY = 'text not null references parties (id)';
const NETWORK = 'text not null references networks (id)';

const first: readonly string[] = [
  `create table blobs (
    sha256 text primary key,
    bytes bigint not null,
    created_at ${TIME})`,
  `create table networks (
    id text primary key,
    name text not null,
    created_at ${TIME},
    architecture text not null,
    features text not null,
    gates text not null,
    recipe text,
    set_name text not null,
    batch integer not null,
    held_out_sha256 text references blobs (sha256),
    held_out_rows integer not null,
    head_id text not null)`,
  `create table parties (
    id text primary key,
    name text not null,
    role text not null check (role in ('owner', 'trainer')),
    network_id text references networks (id),
    token_hash text unique,
    public_key text,
    key_id text,
    model_id text,
    created_at ${TIME},
    expires_at timestamptz,
    revoked_at timestamptz,
    last_seen_at timestamptz,
    refresh_budget integer not null,
    refreshes_used integer not null default 0 check (refreshes_used >= 0),
    unlock_policy text,
    unlock_rows integer not null default 0 check (unlock_rows >= 0))`,
  `create table invitations (
    code_hash text primary key,
    party_id ${PARTY},
    created_at ${TIME},
    expires_at ${TIME},
    accepted_at timestamptz)`,
  `create table keys (
    id text primary key,
    network_id ${NETWORK},
    party_id text references parties (id),
    set_name text not null,
    created_at ${TIME},
    retired_at timestamptz,
    trainer_keys_sha256 ${BLOB},
    bootstrapping_keys_sha256 text references blobs (sha256))`,
  `create table models (
    id text primary key,
    network_id ${NETWORK},
    parent_id text references models (id),
    party_id text references parties (id),
    key_id text not null references keys (id),
    status text not null check (status in ('sealed', 'accepted', 'refused')),
    created_at ${TIME},
    round integer not null,
    sha256 ${BLOB},
    steps bigint,
    rows bigint,
    epsilon double precision,
    accuracy double precision,
    gates text not null,
    record_digest text)`,
  'create index models_of_network on models (network_id, created_at)',
  `create table records (
    digest text primary key,
    model_id text not null references models (id),
    party_id ${PARTY},
    record text not null,
    signature text not null,
    created_at ${TIME})`,
  `create table runs (
    party_id ${PARTY},
    id text not null,
    network_id ${NETWORK},
    step bigint not null,
    steps bigint not null,
    rows_per_second double precision not null,
    started_at ${TIME},
    last_seen_at ${TIME},
    primary key (party_id, id))`,
  // A call is named once in a run: the same name at another step is another request, and refused.
  `create table refreshes (
    party_id ${PARTY},
    run text not null,
    call text not null,
    step bigint not null,
    key_id text not null references keys (id),
    digest text not null,
    ciphertexts integer not null,
    called_at ${TIME},
    answer_sha256 text,
    answer_bytes bigint,
    answered_at timestamptz,
    primary key (party_id, run, call))`,
  'create index refreshes_kept on refreshes (party_id, answered_at) where answer_sha256 is not null',
  `create table uploads (
    id text primary key,
    party_id ${PARTY},
    kind text not null check (kind in ('model', 'predictions')),
    bytes bigint not null,
    sha256 text not null,
    state text not null check (state in ('open', 'complete')),
    created_at ${TIME},
    used_at timestamptz)`,
  'create index uploads_of_party on uploads (party_id, created_at)',
  `create table unlocks (
    id text primary key,
    party_id ${PARTY},
    network_id ${NETWORK},
    key_id text not null references keys (id),
    created_at ${TIME},
    sha256 ${BLOB},
    rows text not null,
    row_count integer not null,
    status text not null check (status in ('pending', 'answered', 'denied')),
    decided_at timestamptz,
    reason text,
    mismatches integer,
    answers text)`,
  'create index unlocks_by_status on unlocks (status, created_at)',
  `create table unlock_answers (
    key_id text not null references keys (id),
    predictions text not null,
    row bigint not null,
    release text not null,
    bits integer not null check (bits > 0),
    position integer not null,
    primary key (key_id, predictions, row, release))`,
  `create table audit (
    seq bigint primary key,
    at ${TIME},
    actor text not null,
    action text not null,
    subject text not null,
    details text not null,
    previous text not null,
    hash text not null)`,
  `create table audit_head (
    id integer primary key check (id = 1),
    seq bigint not null,
    hash text not null)`,
  `insert into audit_head values (1, 0, '${'0'.repeat(64)}')`,
  `create function audit_is_append_only() returns trigger language plpgsql as $$
    begin
      raise exception 'the audit log is only ever appended to';
    end $$`,
  `create trigger audit_append_only before update or delete or truncate on audit
    execute function audit_is_append_only()`,
];

const runHistories: readonly string[] = [
  `create table run_histories (
    party_id text not null,
    run_id text not null,
    samples text not null,
    primary key (party_id, run_id),
    foreign key (party_id, run_id) references runs (party_id, id))`,
];

const keysGivenUp: readonly string[] = ['alter table keys add column given_up_at timestamptz'];

/** The features that came along: the same rows with others are another request. */
const featuresOfUnlocks: readonly string[] = ['alter table unlocks add column features_digest text'];

/** On the held-out rows, beside the accuracy; models that were judged before have none. */
const lossOfModels: readonly string[] = ['alter table models add column loss double precision'];

export const MIGRATIONS: readonly Migration[] = [
  { version: 1, statements: first },
  { version: 2, statements: runHistories },
  { version: 3, statements: keysGivenUp },
  { version: 4, statements: featuresOfUnlocks },
  { version: 5, statements: lossOfModels },
];
