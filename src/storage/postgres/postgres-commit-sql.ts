/**
 * The function that a commit calls: one round trip for many sets. It is made for the kinds and columns of a schema, and
 * gets every write of every set as one row of arrays, sorted by kind and id.
 *
 * 1. Rows that must have a version are locked in that order, and compared.
 * 2. Rows that must be absent, and are, are inserted, in that order; the primary key waits for others who insert the
 *    same. A set that fails is refused whole: what it has inserted is taken back, and nothing else was written for it yet.
 * 3. The clock is read once there is nothing left to wait for: a set that came late is refused.
 * 4. Updates and deletions of the sets that stand, on rows that are locked.
 * 5. What stands at the writes of the refused sets is the answer, after a first row with the time.
 *
 * Where every set has one write that leaves a record, as most have, a set can't be refused in part: rows are changed as
 * they are locked, in the same order, instead of locked first and changed later. A set that comes late takes all of it back,
 * as one subtransaction, and the long way follows.
 */
import { OTHER_ISOLATION, OTHER_LAYOUT } from './postgres-errors.js'

/** A kind's table and its index columns. */
export interface KindColumns {
  readonly table: string
  readonly columns: readonly { readonly name: string; readonly type: 'text' | 'number' }[]
}

/** How many columns of each type the kinds need at most; kinds share the arrays. */
export function slotCounts(kinds: readonly KindColumns[]): { readonly text: number; readonly number: number } {
  const most = (type: 'text' | 'number') =>
    Math.max(0, ...kinds.map(({ columns }) => columns.filter((column) => column.type === type).length))
  return { text: most('text'), number: most('number') }
}

function slots(kinds: readonly KindColumns[]): { readonly names: string[]; readonly types: string[] } {
  const { text, number } = slotCounts(kinds)
  const names = [
    ...Array.from({ length: text }, (_, i) => `t${i}`),
    ...Array.from({ length: number }, (_, i) => `n${i}`),
  ]
  return { names, types: names.map((name) => (name.startsWith('t') ? 'text[]' : 'float8[]')) }
}

const ROW = ['s', 'k', 'i', 'e', 'v', 'd', 'x']
const ROW_TYPES = ['int[]', 'int[]', 'text[]', 'text[]', 'text[]', 'bool[]', 'text[]']

/** The function's parameters: the layout, each set's `notAfter`, and the arrays. */
export function commitParameters(kinds: readonly KindColumns[]): string {
  const { names, types } = slots(kinds)
  const row = [...ROW, ...names].map((name, i) => `p_${name} ${[...ROW_TYPES, ...types][i]}`)
  return ['p_layout int', 'p_not_after float8[]', ...row].join(', ')
}

/** The types of the parameters, for a call. */
export function commitTypes(kinds: readonly KindColumns[]): readonly string[] {
  return ['int', 'float8[]', ...ROW_TYPES, ...slots(kinds).types]
}

/**
 * Reads some of the arrays as rows `w`. In one SELECT they go side by side; `unnest` of several stores each of them first. One of
 * the arrays must be there for every write: one of nulls alone is sent without elements, and is no row where it is not beside another.
 */
function rows(names: readonly string[]): string {
  return `(SELECT ${names.map((name) => `unnest(p_${name}) AS ${name}`).join(', ')}) AS w`
}

const STANDS = 'NOT w.s = ANY (refused)'

/**
 * Joins a row to its record. With a plain `=`, by which two sorted inputs could be merged, a planner that takes a table for
 * empty walks over all of it, and a session may keep that plan while the table grows.
 */
const ITS_RECORD = 't.id = ANY (ARRAY[w.i])'

function guardSql({ table }: KindColumns, kind: number): string {
  return `
  refused := refused || ARRAY(
    SELECT w.s FROM ${rows(['s', 'k', 'i', 'e'])}
    WHERE w.k = ${kind} AND w.e IS NOT NULL
      AND (SELECT t.version FROM ${table} t WHERE t.id = w.i FOR UPDATE) IS DISTINCT FROM w.e);`
}

/** The index columns of a kind, and the slots that carry them. */
function carried({ columns }: KindColumns): { readonly names: string[]; readonly from: string[] } {
  const next = { text: 0, number: 0 }
  return {
    names: columns.map(({ name }) => `"${name}"`),
    from: columns.map(({ type }) => `${type === 'text' ? 't' : 'n'}${next[type]++}`),
  }
}

function insertion(kind: KindColumns): { readonly columns: string; readonly values: string; readonly from: string[] } {
  const { names, from } = carried(kind)
  const values = ['w.i', "coalesce(w.v, '')", "coalesce(w.x, '')", ...from.map((slot) => `w.${slot}`)]
  return { columns: ['id', 'version', 'value', ...names].join(', '), values: values.join(', '), from }
}

/**
 * A row that must be absent and is there is not even tried: an insertion waits for whoever is changing that row, and may
 * hold what the other one is going to change next.
 */
function isAbsent({ table }: KindColumns): string {
  return `(SELECT true FROM ${table} t WHERE t.id = w.i) IS NULL`
}

function insertSql(kind: KindColumns, number: number): string {
  const which = `w.k = ${number} AND w.e IS NULL AND ${STANDS}`
  const { columns, values, from } = insertion(kind)
  return `
  WITH added AS (
    INSERT INTO ${kind.table} (${columns}) SELECT ${values} FROM ${rows(['s', 'k', 'i', 'e', 'v', 'x', ...from])}
    WHERE ${which} AND ${isAbsent(kind)} ON CONFLICT (id) DO NOTHING RETURNING id)
  SELECT coalesce(array_agg(w.s), '{}') INTO more FROM ${rows(['s', 'k', 'i', 'e'])}
  WHERE ${which} AND w.i NOT IN (SELECT a.id FROM added a);
  refused := refused || more;`
}

/** Takes back what this transaction inserted for sets that were refused, or only to hold the place of what must be absent. */
function takeBackSql({ table }: KindColumns, kind: number): string {
  return `
  DELETE FROM ${table} t USING ${rows(['s', 'k', 'i', 'e', 'v'])}
  WHERE ${ITS_RECORD} AND t.xmin = pg_current_xact_id()::xid
    AND w.k = ${kind} AND w.e IS NULL AND (w.v IS NULL OR w.s = ANY (refused));`
}

function changeSql(kind: KindColumns, number: number): string {
  const { names, from } = carried(kind)
  const set = ['version = w.v', 'value = w.x', ...names.map((name, i) => `${name} = w.${from[i]}`)].join(', ')
  const which = `${ITS_RECORD} AND w.k = ${number} AND w.e IS NOT NULL AND ${STANDS}`
  return `
  UPDATE ${kind.table} t SET ${set} FROM ${rows(['s', 'k', 'i', 'e', 'v', 'x', ...from])}
  WHERE ${which} AND w.v IS NOT NULL;
  IF true = ANY (p_d) THEN
    DELETE FROM ${kind.table} t USING ${rows(['s', 'k', 'i', 'e', 'd'])} WHERE ${which} AND w.d;
  END IF;`
}

/** Changes what has the expected version, and refuses what has not: what already carries its own was sent before. */
function changeAloneSql(kind: KindColumns, number: number): string {
  const { names, from } = carried(kind)
  const set = ['version = w.v', 'value = w.x', ...names.map((name, i) => `${name} = w.${from[i]}`)].join(', ')
  return `
  UPDATE ${kind.table} t SET ${set} FROM ${rows(['k', 'i', 'e', 'v', 'x', ...from])}
  WHERE ${ITS_RECORD} AND t.version = w.e AND w.k = ${number};
  ${refuseRestSql(kind, `w.k = ${number} AND w.e IS NOT NULL`)}`
}

function insertAloneSql(kind: KindColumns, number: number): string {
  const which = `w.k = ${number} AND w.e IS NULL`
  const { columns, values, from } = insertion(kind)
  return `
  INSERT INTO ${kind.table} (${columns}) SELECT ${values} FROM ${rows(['k', 'i', 'e', 'v', 'x', ...from])}
  WHERE ${which} AND ${isAbsent(kind)} ON CONFLICT (id) DO NOTHING;
  ${refuseRestSql(kind, which)}`
}

/** After a statement that was to write these rows. */
function refuseRestSql({ table }: KindColumns, which: string): string {
  return `GET DIAGNOSTICS written = ROW_COUNT;
  IF written < (SELECT count(*) FROM ${rows(['k', 'e'])} WHERE ${which}) THEN
    refused := refused || ARRAY(
      SELECT w.s FROM ${rows(['s', 'k', 'i', 'e', 'v'])} LEFT JOIN ${table} t ON ${ITS_RECORD}
      WHERE ${which} AND t.version IS DISTINCT FROM w.v);
  END IF;`
}

function foundSql({ table }: KindColumns, kind: number): string {
  return `
  RETURN QUERY SELECT w.o::int, t.version::text, t.value, NULL::float8
  FROM unnest(p_s, p_k, p_i) WITH ORDINALITY AS w(s, k, i, o) LEFT JOIN ${table} t ON ${ITS_RECORD}
  WHERE w.k = ${kind} AND w.s = ANY (refused);`
}

const NOW = 'floor(extract(epoch FROM clock_timestamp()) * 1000)'

/** What follows the function's parameters. The settings make the plan independent of how large a table was once. */
export function commitBody(meta: string, kinds: readonly KindColumns[]): string {
  const each = (sql: (kind: KindColumns, number: number) => string) =>
    kinds.map((kind, i) => `IF ${i} = ANY (p_k) THEN${sql(kind, i)}\n  END IF;`).join('\n  ')
  return `RETURNS TABLE (at_write int, at_version text, at_value text, at_now float8)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET lock_timeout = '2s'
AS $body$
#variable_conflict use_column
DECLARE
  refused int[] := '{}';
  more int[];
  found_layout int;
  now_ms float8;
  written bigint;
  is_done bool := false;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION '%', current_setting('transaction_isolation') USING ERRCODE = '${OTHER_ISOLATION}';
  END IF;
  LOCK TABLE ${meta} IN ACCESS SHARE MODE;
  SELECT m.value::int INTO found_layout FROM ${meta} m WHERE m.name = 'layout';
  IF found_layout IS DISTINCT FROM p_layout THEN
    RAISE EXCEPTION 'layout %', found_layout USING ERRCODE = '${OTHER_LAYOUT}';
  END IF;
  IF cardinality(p_v) = cardinality(p_s) AND array_position(p_v, NULL) IS NULL
    AND cardinality(p_s) = (SELECT count(DISTINCT w.s) FROM unnest(p_s) AS w(s)) THEN
  BEGIN
  ${each(changeAloneSql)}
  ${each(insertAloneSql)}
  now_ms := ${NOW};
  IF EXISTS (SELECT FROM unnest(p_not_after) AS w(t) WHERE w.t < now_ms) THEN
    RAISE EXCEPTION 'late' USING ERRCODE = 'BT002';
  END IF;
  is_done := true;
  EXCEPTION WHEN SQLSTATE 'BT002' THEN
    refused := '{}';
  END;
  END IF;
  IF NOT is_done THEN
  ${each(guardSql)}
  ${each(insertSql)}
  now_ms := ${NOW};
  refused := refused || ARRAY(SELECT w.n::int FROM unnest(p_not_after) WITH ORDINALITY AS w(t, n) WHERE w.t < now_ms);
  IF cardinality(refused) > 0 OR EXISTS (SELECT FROM ${rows(['s', 'e', 'v'])} WHERE w.e IS NULL AND w.v IS NULL) THEN
  ${each(takeBackSql)}
  END IF;
  ${each(changeSql)}
  END IF;
  RETURN QUERY SELECT NULL::int, NULL::text, NULL::text, now_ms;
  IF cardinality(refused) > 0 THEN
  ${each(foundSql)}
  END IF;
END
$body$`
}
