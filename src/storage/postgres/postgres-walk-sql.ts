/** The server's time in whole milliseconds. A standby has none to give: what it reads may be old. */
export const READ_AT = `CASE WHEN pg_is_in_recovery() THEN NULL
  ELSE floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 END`

/** The parameters of the function that walks an index: `p_none` is asked where `p_query` finds nothing. */
export const WALK_PARAMETERS = 'p_query text, p_none text, p_texts text[], p_numbers float8[]'

/**
 * What follows them. A planner goes by the statistics of the last ANALYZE: of a lane that was almost empty then it would fetch
 * and sort a burst of thousands for each page. With these settings, all that it is left with for an ORDER BY is the index
 * that has this order. The queries are the caller's, and so are the privileges they run with.
 */
export const WALK_BODY = `RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
AS $body$
DECLARE
  read_at float8 := ${READ_AT};
BEGIN
  RETURN QUERY EXECUTE p_query USING read_at, p_texts, p_numbers;
  IF NOT FOUND THEN
    RETURN QUERY EXECUTE p_none USING read_at;
  END IF;
END
$body$`
