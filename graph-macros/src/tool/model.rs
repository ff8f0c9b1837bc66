//! What a function with `#[tool]` is about.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{
    Attribute, Expr, ExprLit, FnArg, Ident, ItemFn, Lit, Meta, Pat, PatType, Type, TypePath,
};

use super::attributes::Settings;
use crate::errors::Errors;

/// The most parameters of a function.
const MOST_PARAMETERS: usize = 12;

pub(super) struct Model {
    pub(super) function: ItemFn,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) settings: Settings,
    pub(super) parameters: Vec<Parameter>,
    /// Whether it is a function that can be a tool at all.
    pub(super) sound: bool,
}

pub(super) enum Parameter {
    Argument(Argument),
    /// A `ToolCtx` or a `View`.
    Given(Type),
}

/// What the model says.
pub(super) struct Argument {
    pub(super) name: Ident,
    pub(super) ty: Type,
    /// Docs, and attributes of serde and schemars.
    pub(super) attributes: Vec<Attribute>,
    /// What the function's own docs say of it, if it has none itself.
    pub(super) doc: Option<String>,
}

pub(super) fn read(mut function: ItemFn, settings: Settings, errors: &mut Errors) -> Model {
    let mut sound = signature(&function, &settings, errors);
    let parameters = parameters(&mut function, &mut sound, errors);
    let name = function.sig.ident.to_string();
    let mut model = Model {
        name: settings
            .name
            .clone()
            .unwrap_or(name.trim_start_matches("r#").to_owned()),
        description: String::new(),
        function,
        settings,
        parameters,
        sound,
    };
    let docs = docs(&model.function.attrs);
    let docs = listed(&docs, &mut model.parameters);
    model.description = model.settings.description.clone().unwrap_or(docs);
    if model.description.is_empty() {
        errors.at(
            &model.function.sig.ident,
            "say what the tool does, in a doc comment or by `#[tool(description = \"…\")]`: \
             the model chooses by it",
        );
    }
    model
}

/// Whether the function can be one at all.
fn signature(function: &ItemFn, settings: &Settings, errors: &mut Errors) -> bool {
    let signature = &function.sig;
    let mut sound = true;
    let mut no = |tokens: &dyn ToTokens, why: &str| {
        errors.at(tokens, why);
        sound = false;
    };
    if let Some(receiver) = signature.receiver() {
        no(
            receiver,
            "a tool is a function by itself, not a method; what it needs it takes as a `ToolCtx`",
        );
    }
    if !signature.generics.params.is_empty() {
        no(
            &signature.generics,
            "a tool has no type parameters: a model cannot choose them",
        );
    }
    if signature.inputs.len() > MOST_PARAMETERS {
        no(
            &signature.inputs,
            "a tool takes 12 parameters at most; take a struct with more",
        );
    }
    match (&signature.asyncness, &settings.blocking) {
        (None, None) => no(
            &signature.fn_token,
            "a tool is an `async fn`, or, if it blocks or computes for long, `#[tool(blocking)]`",
        ),
        (Some(_), Some(blocking)) => no(
            blocking,
            "`blocking` is for functions that are not async; remove it",
        ),
        _ => {}
    }
    if let syn::ReturnType::Type(_, ty) = &signature.output
        && matches!(**ty, Type::ImplTrait(_))
    {
        no(ty, "a tool returns a type that has a name");
    }
    sound
}

/// The parameters, whose attributes are taken from them.
fn parameters(function: &mut ItemFn, sound: &mut bool, errors: &mut Errors) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    let mut given: Vec<String> = Vec::new();
    for input in &mut function.sig.inputs {
        let FnArg::Typed(input) = input else {
            continue;
        };
        let attributes = take_attributes(input, errors);
        let parameter = match special(&input.ty) {
            Some(name) => {
                if given.contains(&name) {
                    errors.at(
                        &input.ty,
                        format!("a tool takes one `{name}`; remove this one"),
                    );
                }
                for attribute in attributes {
                    errors.at(
                        attribute,
                        "the model is not told of this parameter; remove this",
                    );
                }
                given.push(name);
                Parameter::Given((*input.ty).clone())
            }
            None => {
                let (argument, has_type) = argument(input, attributes, errors);
                *sound &= has_type;
                Parameter::Argument(argument)
            }
        };
        parameters.push(parameter);
    }
    parameters
}

/// What is for the argument; all else stays.
fn take_attributes(input: &mut PatType, errors: &mut Errors) -> Vec<Attribute> {
    let is_ours = |attribute: &Attribute| {
        let path = attribute.path();
        ["doc", "serde", "schemars"]
            .iter()
            .any(|ours| path.is_ident(ours))
    };
    if let Some(doc) = input.attrs.iter().find(|a| a.path().is_ident("tool")) {
        errors.at(
            doc,
            "`#[tool(..)]` goes on the function; of an argument, a doc comment says what it is",
        );
    }
    input
        .attrs
        .retain(|attribute| !attribute.path().is_ident("tool"));
    let (ours, rest) = input.attrs.drain(..).partition(is_ours);
    input.attrs = rest;
    ours
}

/// Whether a type has a reference or a lifetime in it, be it one that is not
/// written; `'static` may be owned, as in a `Cow`.
fn borrows(ty: TokenStream) -> bool {
    let mut tokens = ty.into_iter();
    while let Some(token) = tokens.next() {
        let borrows = match token {
            TokenTree::Punct(punct) if punct.as_char() == '\'' => !matches!(
                tokens.next(),
                Some(TokenTree::Ident(name)) if name == "static"
            ),
            TokenTree::Punct(punct) => punct.as_char() == '&',
            TokenTree::Group(group) => borrows(group.stream()),
            TokenTree::Ident(_) | TokenTree::Literal(_) => false,
        };
        if borrows {
            return true;
        }
    }
    false
}

/// `ToolCtx` or `View`, which the model does not say.
fn special(ty: &Type) -> Option<String> {
    let Type::Path(path) = ty else {
        return None;
    };
    let name = last(path)?.to_string();
    ["ToolCtx", "View"].contains(&&*name).then_some(name)
}

/// The name of a type, without where it is.
fn last(path: &TypePath) -> Option<&Ident> {
    path.path.segments.last().map(|segment| &segment.ident)
}

/// The argument, and whether it is one that can be read from what a model says.
fn argument(input: &PatType, attributes: Vec<Attribute>, errors: &mut Errors) -> (Argument, bool) {
    let mut sound = true;
    let mut no = |tokens: &dyn ToTokens, why: &str| {
        errors.at(tokens, why);
        sound = false;
    };
    let name = match &*input.pat {
        Pat::Ident(pat) if pat.subpat.is_none() => pat.ident.clone(),
        pat => {
            no(
                pat,
                "an argument of a tool has a name, which the model is told",
            );
            Ident::new("argument", pat.span())
        }
    };
    match &*input.ty {
        Type::Reference(ty) if special(&ty.elem).is_some() => {
            no(ty, "a tool takes this by value; remove the `&`");
        }
        Type::ImplTrait(ty) => no(ty, "an argument has a type that has a name"),
        Type::Path(path) if last(path).is_some_and(|name| name == "Ctx") => no(
            path,
            "a tool takes the context of the graph as a `ToolCtx`, which knows the call as well",
        ),
        ty if borrows(ty.to_token_stream()) => no(
            ty,
            "an argument is read from what the model says, and owned: take a `String`, a `Vec` or \
             the like",
        ),
        _ => {}
    }
    let argument = Argument {
        name,
        ty: (*input.ty).clone(),
        attributes,
        doc: None,
    };
    (argument, sound)
}

/// A doc comment, its lines as they were written.
fn docs(attributes: &[Attribute]) -> String {
    let docs = attributes.iter().filter(|a| a.path().is_ident("doc"));
    let lines = docs.filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(doc) => match &doc.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<_> = lines
        .map(|line| {
            line.strip_prefix(' ')
                .unwrap_or(&line)
                .trim_end()
                .to_owned()
        })
        .collect();
    lines.join("\n").trim().to_owned()
}

/// Moves lines such as ``* `word` - the word`` from the docs to arguments that
/// have no docs themselves.
fn listed(docs: &str, parameters: &mut [Parameter]) -> String {
    let mut rest = Vec::new();
    for line in docs.lines() {
        let of = parameters.iter_mut().find_map(|parameter| match parameter {
            Parameter::Argument(argument) => item(line, &argument.name.to_string())
                .filter(|_| !argument.attributes.iter().any(|a| a.path().is_ident("doc")))
                .map(|text| (argument, text)),
            Parameter::Given(_) => None,
        });
        match of {
            Some((argument, text)) => argument.doc = Some(text.to_owned()),
            None => rest.push(line),
        }
    }
    rest.join("\n").trim().to_owned()
}

/// What a line of a list says of that name.
fn item<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let line = line.trim_start();
    let line = line.strip_prefix("* ").or(line.strip_prefix("- "))?;
    let line = line.trim_start().strip_prefix('`')?.strip_prefix(name)?;
    let text = line.strip_prefix('`')?.trim_start();
    let text = text.strip_prefix(['-', '–', ':'])?.trim();
    (!text.is_empty()).then_some(text)
}
