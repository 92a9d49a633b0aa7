//! What a template may say. Fuel bounds the steps of a template and not what one step makes: `{{ "x" * 1000000000 }}`
//! is one step, and so is each `~` of a text that doubles. So a template is read before it is used, and only what cannot
//! grow a text is let through: choosing (`if`), repeating (`for`), naming (`set`, `with`), comparing, reckoning, constant
//! lists, and the filters and tests of [`engine`](super::engine), which keep an account of what they make. Nothing is
//! fetched, called or kept aside: no other template, no function, no macro.

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Stmt};
use minijinja::machinery::{Span, Token, parse, tokenize};

use super::engine::{FILTERS, TESTS};

/// Signs of one `{{ … }}` or `{% … %}`: the parser goes a level deeper for each in the worst case.
const MAX_SIGNS: usize = 200;
/// `{% … %}` of one template, for the same reason: an `elif` is an `if` inside the one before.
const MAX_TAGS: usize = 500;

/// Why a template may not be used.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It is none.
    Broken(minijinja::Error),
    /// The line, from 1, and what must not stand there, with the way out.
    Forbidden { line: u32, what: String },
}

/// Whether the template keeps to what is allowed.
pub(super) fn check(name: &str, source: &str) -> Result<(), Refusal> {
    check_size(source)?;
    let template = parse(source, name, Default::default()).map_err(Refusal::Broken)?;
    let mut open = vec![Node::Stmt(&template)];
    while let Some(node) = open.pop() {
        match node {
            Node::Stmt(stmt) => statement(stmt, &mut open)?,
            Node::Expr(expr) => expression(expr, &mut open)?,
        }
    }
    Ok(())
}

/// Before it is parsed, because the parser recurses.
fn check_size(source: &str) -> Result<(), Refusal> {
    let (mut signs, mut tags) = (0, 0);
    for token in tokenize(source, false, Default::default()) {
        // What the lexer does not know the parser does not either, and says where.
        let Ok((token, span)) = token else { return Ok(()) };
        match token {
            Token::VariableStart | Token::TemplateData(_) => signs = 0,
            Token::BlockStart => {
                signs = 0;
                tags += 1;
            }
            _ => signs += 1,
        }
        if signs > MAX_SIGNS {
            let what = format!("one tag has more than {MAX_SIGNS} words and signs; say it in several");
            return Err(forbidden(span, what));
        }
        if tags > MAX_TAGS {
            return Err(forbidden(span, format!("there are more than {MAX_TAGS} tags; say it with fewer")));
        }
    }
    Ok(())
}

fn forbidden(at: Span, what: impl Into<String>) -> Refusal {
    Refusal::Forbidden { line: u32::from(at.start_line), what: what.into() }
}

enum Node<'t, 's> {
    Stmt(&'t Stmt<'s>),
    Expr(&'t Expr<'s>),
}

/// Not recursive: a chain of a thousand conditions is as deep as it is long.
fn statement<'t, 's>(stmt: &'t Stmt<'s>, open: &mut Vec<Node<'t, 's>>) -> Result<(), Refusal> {
    const NO_OTHER: &str = "a template reaches no other template and no file; write what it says here";
    const NOTHING_KEPT: &str = "text cannot be kept aside by macros and blocks, which could double it without end; write \
                                it where it is shown";
    match stmt {
        Stmt::Template(all) => open.extend(all.children.iter().map(Node::Stmt)),
        Stmt::EmitRaw(_) => {}
        Stmt::EmitExpr(emitted) => open.push(Node::Expr(&emitted.expr)),
        Stmt::IfCond(choice) => {
            open.push(Node::Expr(&choice.expr));
            open.extend(choice.true_body.iter().chain(&choice.false_body).map(Node::Stmt));
        }
        Stmt::ForLoop(each) => {
            if each.recursive {
                return Err(forbidden(each.span(), "a loop cannot be `recursive`"));
            }
            names(&each.target)?;
            open.push(Node::Expr(&each.iter));
            open.extend(each.filter_expr.as_ref().map(Node::Expr));
            open.extend(each.body.iter().chain(&each.else_body).map(Node::Stmt));
        }
        Stmt::WithBlock(with) => {
            for (name, value) in &with.assignments {
                names(name)?;
                open.push(Node::Expr(value));
            }
            open.extend(with.body.iter().map(Node::Stmt));
        }
        Stmt::Set(set) => {
            names(&set.target)?;
            open.push(Node::Expr(&set.expr));
        }
        Stmt::Include(at) => return Err(forbidden(at.span(), NO_OTHER)),
        Stmt::Import(at) => return Err(forbidden(at.span(), NO_OTHER)),
        Stmt::FromImport(at) => return Err(forbidden(at.span(), NO_OTHER)),
        Stmt::Extends(at) => return Err(forbidden(at.span(), NO_OTHER)),
        Stmt::Block(at) => return Err(forbidden(at.span(), NO_OTHER)),
        Stmt::Macro(at) => return Err(forbidden(at.span(), NOTHING_KEPT)),
        Stmt::CallBlock(at) => return Err(forbidden(at.span(), NOTHING_KEPT)),
        Stmt::SetBlock(at) => return Err(forbidden(at.span(), NOTHING_KEPT)),
        Stmt::FilterBlock(at) => return Err(forbidden(at.span(), NOTHING_KEPT)),
        Stmt::AutoEscape(at) => return Err(forbidden(at.span(), "a prompt is text, in which nothing is escaped")),
        Stmt::Do(at) => return Err(forbidden(at.span(), "nothing can be called")),
    }
    Ok(())
}

/// What a loop or an assignment gives a name to.
fn names(target: &Expr<'_>) -> Result<(), Refusal> {
    match target {
        Expr::Var(_) => Ok(()),
        Expr::Tuple(several) if several.items.iter().all(is_name) => Ok(()),
        Expr::List(several) if several.items.iter().all(is_name) => Ok(()),
        other => Err(forbidden(other.span(), "only a name can be given a value")),
    }
}

fn is_name(expr: &Expr<'_>) -> bool {
    matches!(expr, Expr::Var(_))
}

fn expression<'t, 's>(expr: &'t Expr<'s>, open: &mut Vec<Node<'t, 's>>) -> Result<(), Refusal> {
    match expr {
        Expr::Var(_) | Expr::Const(_) => {}
        Expr::UnaryOp(one) => open.push(Node::Expr(&one.expr)),
        Expr::BinOp(two) => {
            let sign = match two.op {
                BinOpKind::Add => Some("+"),
                BinOpKind::Mul => Some("*"),
                BinOpKind::Pow => Some("**"),
                BinOpKind::Concat => Some("~"),
                _ => None,
            };
            if let Some(sign) = sign {
                let what = format!("`{sign}` can make texts that fill the memory; write one value after the other");
                return Err(forbidden(two.span(), what));
            }
            open.extend([Node::Expr(&two.left), Node::Expr(&two.right)]);
        }
        Expr::Compare(several) => {
            open.push(Node::Expr(&several.expr));
            open.extend(several.ops.iter().map(|one| Node::Expr(&one.expr)));
        }
        Expr::IfExpr(choice) => {
            open.extend([Node::Expr(&choice.test_expr), Node::Expr(&choice.true_expr)]);
            open.extend(choice.false_expr.as_ref().map(Node::Expr));
        }
        Expr::Filter(filter) => {
            if !FILTERS.contains(&filter.name) {
                let what = format!("there is no filter `{}`; there are: {}", filter.name, FILTERS.join(", "));
                return Err(forbidden(filter.span(), what));
            }
            open.extend(filter.expr.as_ref().map(Node::Expr));
            arguments(&filter.args, open)?;
        }
        Expr::Test(test) => {
            if !TESTS.contains(&test.name) {
                let what = format!("there is no test `{}`; there are: {}", test.name, TESTS.join(", "));
                return Err(forbidden(test.span(), what));
            }
            open.push(Node::Expr(&test.expr));
            arguments(&test.args, open)?;
        }
        Expr::GetAttr(field) => open.push(Node::Expr(&field.expr)),
        Expr::GetItem(item) => open.extend([Node::Expr(&item.expr), Node::Expr(&item.subscript_expr)]),
        Expr::List(list) => constants(&list.items)?,
        Expr::Tuple(tuple) => constants(&tuple.items)?,
        Expr::Map(map) => return Err(forbidden(map.span(), "there are no maps; compare with `==` or `in`")),
        Expr::Slice(cut) => return Err(forbidden(cut.span(), "texts are cut by `|truncate(characters)`")),
        Expr::Call(call) => return Err(forbidden(call.span(), "nothing can be called; there are filters and tests")),
    }
    Ok(())
}

/// A list of lists of the same list is small to hold and endless to write.
fn constants(items: &[Expr<'_>]) -> Result<(), Refusal> {
    match items.iter().find(|item| !matches!(item, Expr::Const(_))) {
        Some(other) => Err(forbidden(other.span(), "a list in a template holds constants only")),
        None => Ok(()),
    }
}

fn arguments<'t, 's>(all: &'t [CallArg<'s>], open: &mut Vec<Node<'t, 's>>) -> Result<(), Refusal> {
    for one in all {
        match one {
            CallArg::Pos(value) => open.push(Node::Expr(value)),
            CallArg::Kwarg(_, value) | CallArg::PosSplat(value) | CallArg::KwargSplat(value) => {
                return Err(forbidden(value.span(), "arguments are given one by one, without names"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(source: &str) -> String {
        match check("criterion", source) {
            Ok(()) => String::new(),
            Err(Refusal::Broken(error)) => format!("broken: {error}"),
            Err(Refusal::Forbidden { line, what }) => format!("{line}: {what}"),
        }
    }

    #[test]
    fn what_cannot_grow_a_text_is_allowed() {
        for source in [
            "{% if trace and not several %}a{% elif count > 3 %}b{% else %}c{% endif %}",
            "{% for level in levels if level.description is defined %}{{ loop.index }}. {{ level.name|trim }}{% else %}-{% endfor %}",
            "{% set few = count < 4 %}{% with n = count - 1 %}{{ n // 2 }}{{ few }}{% endwith %}",
            "{{ requirement|replace('a', 'b')|indent(2)|truncate(80) }}{{ 'x' if count in [1, 2] else 'y' }}{{ levels[0].name }}",
            "{% for a, b in pairs %}{{ a }}{{ b }}{% endfor %}",
            "{# a remark #}{% raw %}{{ a ~ b }}{% endraw %}",
        ] {
            assert_eq!(refused(source), "", "{source}");
        }
    }

    #[test]
    fn what_could_grow_one_or_reaches_out_is_refused_at_its_line() {
        for (source, says) in [
            ("a\nb {{ task ~ task }}", "2: `~`"),
            ("{{ 'x' * 1000000000 }}", "1: `*`"),
            ("{% set a = task + task %}", "1: `+`"),
            ("{{ 2 ** 100000 }}", "1: `**`"),
            ("\n\n{% include 'system' %}", "3: a template reaches no other template"),
            ("{% import 'system' as s %}", "1: a template reaches no other"),
            ("{% extends 'system' %}", "1: a template reaches no other"),
            ("{% block a %}{% endblock %}", "1: a template reaches no other"),
            ("{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}", "1: text cannot be kept"),
            ("{% set a %}{{ task }}{{ task }}{% endset %}", "1: text cannot be kept"),
            ("{% filter upper %}a{% endfilter %}", "1: text cannot be kept"),
            ("{{ range(1000000000) }}", "1: nothing can be called"),
            ("{{ '%1000000000d'.format(1) }}", "1: nothing can be called"),
            ("{% for a in levels recursive %}{{ loop(levels) }}{% endfor %}", "1: a loop cannot be `recursive`"),
            ("{{ requirement|format(1) }}", "1: there is no filter `format`"),
            ("{{ requirement is matching('a') }}", "1: there is no test `matching`"),
            ("{% with a = [task, task] %}{% endwith %}", "1: a list in a template"),
            ("{{ {'a': task} }}", "1: there are no maps"),
            ("{{ task[::-1] }}", "1: texts are cut by"),
            ("{{ task|indent(width=9) }}", "1: arguments are given"),
        ] {
            assert!(refused(source).starts_with(says), "{source}: {}", refused(source));
        }
        assert!(refused("{% if %}").starts_with("broken"));
    }

    #[test]
    fn what_is_deep_is_refused_before_the_parser_goes_down() {
        let not = format!("{{{{ {}a }}}}", "not ".repeat(15_000));
        assert!(refused(&not).contains("more than 200"), "{}", refused(&not));
        let elif = format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(5_000));
        assert!(refused(&elif).contains("more than 500"), "{}", refused(&elif));
        let nested = "{% if a %}".repeat(499);
        assert!(refused(&nested).starts_with("broken"), "{}", refused(&nested));
    }
}
