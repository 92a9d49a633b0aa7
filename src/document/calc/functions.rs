//! The functions that are evaluated: those whose result is one value, follows from the cells alone and is
//! computed in bounded time. The engine knows more; what is not here stays *not calculated*.

/// Depend on the clock or on chance: their value is not the file's.
const CHANGING: &[&str] = &["TODAY", "NOW", "RAND", "RANDBETWEEN", "RANDARRAY"];

/// May be given to the engine.
const KNOWN: &[&str] = &[
    "ABS",
    "ACOS",
    "AND",
    "ARABIC",
    "ASIN",
    "ATAN",
    "ATAN2",
    "AVEDEV",
    "AVERAGE",
    "AVERAGEA",
    "AVERAGEIF",
    "AVERAGEIFS",
    "CEILING",
    "CEILING.MATH",
    "CHAR",
    "CHOOSE",
    "CLEAN",
    "CODE",
    "COLUMN",
    "COLUMNS",
    "CONCAT",
    "CONCATENATE",
    "CORREL",
    "COS",
    "COUNT",
    "COUNTA",
    "COUNTBLANK",
    "COUNTIF",
    "COUNTIFS",
    "DATE",
    "DATEDIF",
    "DATEVALUE",
    "DAY",
    "DAYS",
    "DAYS360",
    "DEGREES",
    "DEVSQ",
    "EDATE",
    "EFFECT",
    "EOMONTH",
    "ERROR.TYPE",
    "EVEN",
    "EXACT",
    "EXP",
    "FALSE",
    "FIND",
    "FLOOR",
    "FLOOR.MATH",
    "FV",
    "GEOMEAN",
    "HARMEAN",
    "HLOOKUP",
    "HOUR",
    "IF",
    "IFERROR",
    "IFNA",
    "IFS",
    "INDEX",
    "INT",
    "INTERCEPT",
    "IPMT",
    "IRR",
    "ISBLANK",
    "ISERR",
    "ISERROR",
    "ISEVEN",
    "ISLOGICAL",
    "ISNA",
    "ISNONTEXT",
    "ISNUMBER",
    "ISODD",
    "ISOWEEKNUM",
    "ISTEXT",
    "LARGE",
    "LEFT",
    "LEN",
    "LN",
    "LOG",
    "LOG10",
    "LOOKUP",
    "LOWER",
    "MATCH",
    "MAX",
    "MAXA",
    "MAXIFS",
    "MEDIAN",
    "MID",
    "MIN",
    "MINA",
    "MINIFS",
    "MINUTE",
    "MIRR",
    "MOD",
    "MODE",
    "MODE.SNGL",
    "MONTH",
    "MROUND",
    "N",
    "NA",
    "NETWORKDAYS",
    "NETWORKDAYS.INTL",
    "NOMINAL",
    "NORM.DIST",
    "NORM.INV",
    "NORM.S.DIST",
    "NORM.S.INV",
    "NOT",
    "NPER",
    "NPV",
    "ODD",
    "OR",
    "PERCENTILE",
    "PERCENTILE.EXC",
    "PERCENTILE.INC",
    "PERCENTRANK",
    "PI",
    "PMT",
    "POWER",
    "PPMT",
    "PRODUCT",
    "PROPER",
    "PV",
    "QUARTILE",
    "QUARTILE.EXC",
    "QUARTILE.INC",
    "QUOTIENT",
    "RADIANS",
    "RANK",
    "RANK.AVG",
    "RANK.EQ",
    "RATE",
    "REPLACE",
    "REPT",
    "RIGHT",
    "ROUND",
    "ROUNDDOWN",
    "ROUNDUP",
    "ROW",
    "ROWS",
    "RSQ",
    "SEARCH",
    "SIGN",
    "SIN",
    "SLN",
    "SLOPE",
    "SMALL",
    "SQRT",
    "STDEV",
    "STDEV.P",
    "STDEV.S",
    "STDEVP",
    "SUBSTITUTE",
    "SUBTOTAL",
    "SUM",
    "SUMIF",
    "SUMIFS",
    "SUMPRODUCT",
    "SUMSQ",
    "SWITCH",
    "SYD",
    "T",
    "TAN",
    "TEXT",
    "TEXTJOIN",
    "TIME",
    "TRIM",
    "TRUE",
    "TRUNC",
    "UPPER",
    "VALUE",
    "VAR",
    "VAR.P",
    "VAR.S",
    "VARP",
    "VLOOKUP",
    "WEEKDAY",
    "WEEKNUM",
    "WORKDAY",
    "XIRR",
    "XLOOKUP",
    "XMATCH",
    "XNPV",
    "XOR",
    "YEAR",
    "YEARFRAC",
];

/// Walk only the used part of a whole column by themselves.
const CLIPPING: &[&str] = &[
    "SUM",
    "SUMIF",
    "SUMIFS",
    "COUNT",
    "COUNTA",
    "COUNTIF",
    "COUNTIFS",
    "AVERAGE",
    "AVERAGEIF",
    "AVERAGEIFS",
    "MIN",
    "MAX",
    "MINIFS",
    "MAXIFS",
    "XLOOKUP",
    "XMATCH",
];

/// Take a range as it is, and nothing of its blank cells: the result is the same without those beyond the used part.
const SKIPPING: &[&str] = &[
    "AND",
    "AVEDEV",
    "AVERAGE",
    "AVERAGEA",
    "AVERAGEIF",
    "AVERAGEIFS",
    "CONCAT",
    "CORREL",
    "COUNT",
    "COUNTA",
    "DEVSQ",
    "GEOMEAN",
    "HARMEAN",
    "HLOOKUP",
    "INDEX",
    "INTERCEPT",
    "LARGE",
    "LOOKUP",
    "MATCH",
    "MAX",
    "MAXA",
    "MAXIFS",
    "MEDIAN",
    "MIN",
    "MINA",
    "MINIFS",
    "MODE",
    "MODE.SNGL",
    "OR",
    "PERCENTILE",
    "PERCENTILE.EXC",
    "PERCENTILE.INC",
    "PERCENTRANK",
    "PRODUCT",
    "QUARTILE",
    "QUARTILE.EXC",
    "QUARTILE.INC",
    "RANK",
    "RANK.AVG",
    "RANK.EQ",
    "RSQ",
    "SLOPE",
    "SMALL",
    "STDEV",
    "STDEV.P",
    "STDEV.S",
    "STDEVP",
    "SUBTOTAL",
    "SUM",
    "SUMIF",
    "SUMIFS",
    "SUMPRODUCT",
    "SUMSQ",
    "VAR",
    "VAR.P",
    "VAR.S",
    "VARP",
    "VLOOKUP",
    "XLOOKUP",
    "XMATCH",
    "XOR",
];

/// # Errors
/// Why a formula with this function is not evaluated.
pub(super) fn may_run(name: &str) -> Result<(), String> {
    if CHANGING.contains(&name) {
        let by = if matches!(name, "TODAY" | "NOW") { "the clock" } else { "chance" };
        return Err(format!("{name} depends on {by}"));
    }
    if KNOWN.binary_search(&name).is_ok() { Ok(()) } else { Err(format!("{name} is not evaluated")) }
}

pub(super) fn clips(name: &str) -> bool {
    CLIPPING.contains(&name)
}

pub(super) fn skips_blanks(name: &str) -> bool {
    SKIPPING.contains(&name)
}

/// Makes texts longer than its arguments are.
pub(super) fn joins(name: &str) -> bool {
    matches!(
        name,
        "CONCAT"
            | "CONCATENATE"
            | "TEXTJOIN"
            | "REPT"
            | "SUBSTITUTE"
            | "REPLACE"
            | "TEXT"
            | "PROPER"
            | "UPPER"
            | "LOWER"
    )
}

/// Cells that one call may walk besides those it names.
pub(super) fn hidden_work(name: &str) -> u64 {
    match name {
        // Day by day.
        "NETWORKDAYS" | "NETWORKDAYS.INTL" | "WORKDAY" => 20_000,
        "IRR" | "XIRR" | "RATE" | "MIRR" => 2_000,
        _ => 1,
    }
}

/// Counts from the calendar that begins in 1900.
pub(super) fn is_calendar(name: &str) -> bool {
    matches!(
        name,
        "DATE"
            | "DATEDIF"
            | "DATEVALUE"
            | "DAY"
            | "EDATE"
            | "EOMONTH"
            | "ISOWEEKNUM"
            | "MONTH"
            | "NETWORKDAYS"
            | "NETWORKDAYS.INTL"
            | "TEXT"
            | "VALUE"
            | "WEEKDAY"
            | "WEEKNUM"
            | "WORKDAY"
            | "YEAR"
            | "YEARFRAC"
            | "DAYS360"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_knows_no_clock() {
        assert!(KNOWN.is_sorted());
        assert!(may_run("TODAY").is_err_and(|why| why.contains("clock")));
        assert!(may_run("INDIRECT").is_err() && may_run("WEBSERVICE").is_err() && may_run("SUM").is_ok());
    }
}
