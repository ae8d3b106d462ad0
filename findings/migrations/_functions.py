"""The SQL functions that the triggers of the first migration call."""

# The hash of an event covers what it says and the hash before it, so that an edited, added or
# removed line breaks the chain. `manage.py verify_timeline` computes it again.
EVENT_HASH = """
CREATE FUNCTION findings_event_hash(
    previous_hash text, finding bigint, number integer, kind text,
    at timestamptz, by_id bigint, data jsonb
) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(concat_ws('|',
        previous_hash, finding, number, kind,
        to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        coalesce(by_id::text, 'system'), data::text
    ), 'UTF8')), 'hex')
$$;
"""

# Called at commit, by deferred triggers of the finding and of the clock: a finding that
# somebody still has to deal with is being counted down, and one that has ended is not.
CHECK_CLOCK = """
CREATE FUNCTION findings_check_clock(finding bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    is_open boolean;
    runs boolean;
BEGIN
    SELECT state IN ('awaiting', 'acknowledged', 'acted_on') INTO is_open
        FROM findings_finding WHERE id = finding;
    SELECT EXISTS (SELECT 1 FROM findings_clock
        WHERE finding_id = finding AND stopped_at IS NULL) INTO runs;
    IF is_open AND NOT runs THEN
        RAISE EXCEPTION 'open finding % has no running clock', finding
            USING ERRCODE = 'check_violation';
    ELSIF NOT is_open AND runs THEN
        RAISE EXCEPTION 'ended finding % has a running clock', finding
            USING ERRCODE = 'check_violation';
    END IF;
END
$$;
"""

# Names as they are searched for. Accents go before the letters become small, and no class of
# characters is named, so that the result does not depend on the locale of the database.
FOLDED = r"""
CREATE FUNCTION findings_folded(words text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT btrim(lower(regexp_replace(regexp_replace(
        normalize(translate(
            replace(replace(replace(replace(replace(words,
                'ß', 'ss'), 'æ', 'ae'), 'Æ', 'ae'), 'œ', 'oe'), 'Œ', 'oe'),
            'øØłŁđĐı', 'oOlLdDi'), NFKD),
        '[\u0300-\u036F''`´\u02B9-\u02BC\u2018\u2019\u2032]', '', 'g'),
        '[\s!-/:-@\[-_{-~\u00A0\u2010-\u2015\u2212]+', ' ', 'g')))
$$;
"""

# Accessions and hospital numbers as they are searched for.
SQUEEZED = """
CREATE FUNCTION findings_squeezed(words text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT upper(regexp_replace(normalize(words, NFKC), '[^0-9A-Za-z]', '', 'g'))
$$;
"""

# As above, and the clock is the one that the state asks for: another that runs beside it (to tell
# the patient, say) does not count the finding down.
CHECK_CLOCK_OF_STATE = """
CREATE OR REPLACE FUNCTION findings_check_clock(finding bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    now_in text;
    asked_for text;
BEGIN
    SELECT state INTO now_in FROM findings_finding WHERE id = finding;
    asked_for := CASE now_in WHEN 'awaiting' THEN 'acknowledge' WHEN 'acknowledged' THEN 'act'
        WHEN 'acted_on' THEN 'follow_up' END;
    IF asked_for IS NOT NULL AND NOT EXISTS (SELECT 1 FROM findings_clock
            WHERE finding_id = finding AND kind = asked_for AND stopped_at IS NULL) THEN
        RAISE EXCEPTION 'open finding % has no running clock', finding
            USING ERRCODE = 'check_violation', DETAIL = 'It must be the one to ' || asked_for;
    ELSIF asked_for IS NULL AND EXISTS (SELECT 1 FROM findings_clock
            WHERE finding_id = finding AND stopped_at IS NULL) THEN
        RAISE EXCEPTION 'ended finding % has a running clock', finding
            USING ERRCODE = 'check_violation';
    END IF;
END
$$;
"""
