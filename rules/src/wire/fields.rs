//! Reads the fields of one JSON object and collects what is wrong with them, instead of stopping at the first fault.

use std::collections::BTreeMap;

use super::form::{Field, Form, Kind};
use super::suggest::unknown_field;
use super::values::{self, Read};
use crate::amount::Amount;
use crate::condition::{Form as ConditionForm, Scope, Stated, read_structured};
use crate::document::{Node, Object};
use crate::path::Path;
use crate::problem::{Problem, ProblemCode, escape};
use crate::rule::{Limits, Span};
use crate::timestamp::Timestamp;

/// An object that is being read.
pub(super) struct Fields<'a, 'p> {
    form: &'static Form,
    /// The fields that are there, in the order of the document; most objects have few of those that they may have.
    given: Vec<(&'static Field, &'a Node)>,
    /// The JSON pointer to the object.
    pointer: String,
    problems: &'p mut Vec<Problem>,
}

impl<'a, 'p> Fields<'a, 'p> {
    /// Starts on an object: fields that its form does not have and needed ones that are absent are reported at once.
    pub(super) fn new(
        form: &'static Form,
        members: &'a Object,
        pointer: String,
        problems: &'p mut Vec<Problem>,
    ) -> Self {
        let mut given = Vec::with_capacity(members.len());
        for (name, value) in members.iter() {
            match form.fields.iter().find(|field| field.name == name) {
                Some(field) => given.push((field, value)),
                None => problems.push(unknown_field(name, &pointer, form)),
            }
        }
        let mut fields = Self { form, given, pointer, problems };
        for field in form.fields.iter().filter(|field| field.needed) {
            if !fields.has(field.name) {
                fields.missing(field.name, form.name);
            }
        }
        fields
    }

    /// The field, and what it holds; `null` is nothing.
    fn field(&self, name: &str) -> Option<(Kind, &'a Node)> {
        debug_assert!(
            self.form.names().any(|known| known == name),
            "`{name}` is in the table of {}",
            self.form.name
        );
        let (field, value) = self.given.iter().find(|(field, _)| field.name == name)?;
        (!value.is_null()).then_some((field.kind, value))
    }

    /// What the field holds; `null` is nothing.
    pub(super) fn given(&self, name: &str) -> Option<&'a Node> {
        self.field(name).map(|(_, value)| value)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.given(name).is_some()
    }

    /// Whether the field is `null` in so many words.
    pub(super) fn is_null(&self, name: &str) -> bool {
        self.given.iter().any(|(field, value)| field.name == name && value.is_null())
    }

    /// The pointer to a field.
    pub(super) fn pointer_to(&self, name: &str) -> String {
        format!("{}/{name}", self.pointer)
    }

    pub(super) fn report(
        &mut self,
        code: ProblemCode,
        pointer: String,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        let problem =
            Problem { code, pointer, place: None, message: message.into(), expected: expected.into() };
        self.problems.push(problem);
    }

    /// Reports what is wrong with the object.
    pub(super) fn refuse(
        &mut self,
        code: ProblemCode,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.report(code, self.pointer.clone(), message, expected);
    }

    /// Reports that a field is absent which something needs.
    pub(super) fn missing(&mut self, name: &str, needed_by: &str) {
        let expected = format!("`{name}`, which {needed_by} needs");
        self.refuse(ProblemCode::MissingField, format!("`{name}` is missing"), expected);
    }

    /// Reports that this field does not go with the rest of the rule.
    pub(super) fn conflict(&mut self, name: &str, message: impl Into<String>, expected: impl Into<String>) {
        self.report(ProblemCode::Conflict, self.pointer_to(name), message, expected);
    }

    /// Reports that a field is given which goes only with something else.
    pub(super) fn only_with(&mut self, name: &str, only: &str, expected: impl Into<String>) {
        if self.has(name) {
            self.conflict(name, format!("`{name}` goes only with {only}"), expected);
        }
    }

    /// Reports that a field is given which does not go with another one that is given too.
    pub(super) fn only_without(&mut self, name: &str, other: &str, expected: impl Into<String>) {
        if self.has(name) {
            self.conflict(name, format!("`{name}` does not go with `{other}`"), expected);
        }
    }

    fn read<T>(&mut self, name: &str, read: impl FnOnce(&str, Kind, &'a Node) -> Read<T>) -> Option<T> {
        let (kind, value) = self.field(name)?;
        let pointer = self.pointer_to(name);
        read(&pointer, kind, value).map_err(|problem| self.problems.push(problem)).ok()
    }

    /// Reads a field with a reader of its own.
    pub(super) fn value<T>(&mut self, name: &str, read: fn(&str, &Node) -> Read<T>) -> Option<T> {
        self.read(name, |pointer, _, value| read(pointer, value))
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.read(name, |pointer, kind, value| match kind {
            Kind::Name => values::name(pointer, value),
            _ => values::text(pointer, value),
        })
    }

    pub(super) fn path(&mut self, name: &str) -> Option<Path> {
        self.value(name, values::path)
    }

    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        self.value(name, values::flag)
    }

    pub(super) fn number(&mut self, name: &str) -> Option<Amount> {
        self.value(name, values::number)
    }

    pub(super) fn threshold(&mut self, name: &str) -> Option<Limits> {
        let value = self.given(name)?;
        super::limits::read_threshold(value, self.pointer_to(name), self.problems)
    }

    pub(super) fn time(&mut self, name: &str) -> Option<Timestamp> {
        self.value(name, values::time)
    }

    pub(super) fn span(&mut self, name: &str) -> Option<Span> {
        self.read(name, |pointer, kind, value| match kind {
            Kind::SpanOrNone => values::span(pointer, value),
            _ => values::span_above_zero(pointer, value),
        })
    }

    /// Reads an integer within the bounds of the form.
    pub(super) fn whole(&mut self, name: &str) -> Option<u32> {
        self.read(name, |pointer, kind, value| {
            let Kind::Whole(least, most) = kind else { unreachable!("`{name}` has bounds") };
            values::whole(pointer, value, least, most)
        })
    }

    /// Reads one of the names of the form.
    pub(super) fn one_of<T>(&mut self, name: &str, from_name: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.read(name, |pointer, kind, value| {
            let Kind::OneOf(names) = kind else { unreachable!("`{name}` is one of some names") };
            values::one_of(pointer, value, names, from_name)
        })
    }

    /// Reads a condition in either form.
    pub(super) fn condition(&mut self, name: &str, scope: &mut Scope<'_>) -> Option<Stated> {
        let value = self.given(name)?;
        condition(value, &self.pointer_to(name), scope, self.problems)
    }

    /// Reads an object of the field's own form.
    pub(super) fn object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields<'a, '_>) -> Option<T>,
    ) -> Option<T> {
        let (kind, value) = self.field(name)?;
        let Kind::Object(form) = kind else { unreachable!("`{name}` is an object") };
        object(form, value, self.pointer_to(name), self.problems, read)
    }

    /// Reads a list; elements with faults are left out.
    fn elements<T>(
        &mut self,
        name: &str,
        mut read: impl FnMut(&'a Node, String, &mut Vec<Problem>) -> Option<T>,
    ) -> Vec<T> {
        let read_list = |pointer: &str, kind, value: &'a Node| match (kind, value) {
            (Kind::List(_, least, most) | Kind::Objects(_, least, most), Node::Array(elements)) => {
                Ok((elements, least, most))
            },
            (_, other) => Err(values::wrong_type(pointer, other, "an array")),
        };
        let Some((elements, least, most)) = self.read(name, read_list) else {
            return Vec::new();
        };
        let pointer = self.pointer_to(name);
        if !(least..=most).contains(&elements.len()) {
            let expected = if least == 0 { format!("at most {most}") } else { format!("{least} to {most}") };
            let code = if elements.len() > most { ProblemCode::LimitPassed } else { ProblemCode::OutOfRange };
            self.report(code, pointer, format!("`{name}` has {} elements", elements.len()), expected);
            return Vec::new();
        }
        let each = elements.iter().enumerate();
        each.filter_map(|(index, element)| read(element, format!("{pointer}/{index}"), self.problems))
            .collect()
    }

    /// Reads a list of values.
    pub(super) fn list<T>(&mut self, name: &str, read: fn(&str, &Node) -> Read<T>) -> Vec<T> {
        self.elements(name, |element, pointer, problems| {
            read(&pointer, element).map_err(|problem| problems.push(problem)).ok()
        })
    }

    /// Reads a list of objects of one form.
    pub(super) fn objects<T>(
        &mut self,
        name: &str,
        mut read: impl FnMut(&mut Fields<'a, '_>) -> Option<T>,
    ) -> Vec<T> {
        let Some((kind, _)) = self.field(name) else { return Vec::new() };
        let Kind::Objects(form, ..) = kind else { unreachable!("`{name}` is a list of objects") };
        self.elements(name, |element, pointer, problems| object(form, element, pointer, problems, &mut read))
    }

    /// The members of a map, each with the pointer to it.
    pub(super) fn members(&mut self, name: &str) -> Vec<(&'a str, String, &'a Node)> {
        let read_map = |pointer: &str, kind, value: &'a Node| match (kind, value) {
            (Kind::Map(_, _, most), Node::Object(members)) => Ok((members, most)),
            (_, other) => Err(values::wrong_type(pointer, other, "an object")),
        };
        let Some((members, most)) = self.read(name, read_map) else {
            return Vec::new();
        };
        let pointer = self.pointer_to(name);
        if members.len() > most {
            let message = format!("`{name}` has {} members", members.len());
            self.report(ProblemCode::LimitPassed, pointer, message, format!("at most {most}"));
            return Vec::new();
        }
        let each = members.iter();
        each.map(|(name, value)| (name, format!("{pointer}/{}", escape(name)), value)).collect()
    }

    /// Reads a map of texts.
    pub(super) fn texts(&mut self, name: &str) -> BTreeMap<String, String> {
        let members = self.members(name).into_iter();
        let read = members.filter_map(|(name, pointer, value)| {
            let text = values::text(&pointer, value).map_err(|problem| self.problems.push(problem)).ok()?;
            Some((name.to_owned(), text))
        });
        read.collect()
    }

    /// Where problems go, for readers of their own.
    pub(super) fn problems(&mut self) -> &mut Vec<Problem> {
        self.problems
    }
}

/// Reads an object of a form.
pub(super) fn object<'a, T>(
    form: &'static Form,
    value: &'a Node,
    pointer: String,
    problems: &mut Vec<Problem>,
    read: impl FnOnce(&mut Fields<'a, '_>) -> Option<T>,
) -> Option<T> {
    let Node::Object(members) = value else {
        let expected = format!("{}: an object", form.name);
        problems.push(values::wrong_type(&pointer, value, &expected));
        return None;
    };
    read(&mut Fields::new(form, members, pointer, problems))
}

/// Reads a condition in either form.
pub(super) fn condition(
    value: &Node,
    pointer: &str,
    scope: &mut Scope<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Stated> {
    let form = if value.as_str().is_some() { ConditionForm::Text } else { ConditionForm::Structured };
    read_structured(value, pointer, scope, problems).map(|condition| Stated { condition, form })
}
