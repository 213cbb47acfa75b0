//! Describes services of roam 7 as JSON. `npx roam-actors generate` makes a typed TypeScript client of that.
//!
//! `npx roam-actors generate --rust` has written this file. It needs no other crate than `roam`. Put it beside a trait
//! with `#[roam::service]`, and call `json` in a test or a small program. The macro of a trait `Testbed` has written
//! `testbed_service_descriptor`.
//!
//! ```ignore
//! mod describe;
//!
//! #[test]
//! fn describes_the_testbed() {
//!     std::fs::write("testbed.json", describe::json(testbed_service_descriptor())).unwrap();
//! }
//! ```
//!
//! A method that can fail names its `Result<T, E>` in the trait. roam does not see a Result behind an alias: such a
//! method never fails, and returns a Result as a value. The descriptor does not tell the two apart.
use roam::facet::{Def, Facet, Field, ScalarType, Shape, StructKind, Type, UserType, Variant};
use roam::session::{MethodDescriptor, ServiceDescriptor};

/// Counts the changes of this format. `generate` refuses a description of another version.
const VERSION: u64 = 1;

/// Describes a service: its methods with their ids, and every struct, enum and tuple that they use.
#[must_use]
pub fn json(service: &ServiceDescriptor) -> String {
    let mut types = Types::default();
    let methods = service.methods.iter().map(|method| types.method(method)).collect();
    let mut text = String::new();
    Json::Object(vec![
        ("format", Json::Text("roam service".into())),
        ("version", Json::Number(VERSION)),
        ("service", Json::Text(service.service_name.into())),
        ("doc", doc(service.doc.as_slice())),
        ("methods", Json::List(methods)),
        ("types", Json::List(types.described)),
    ])
    .write(&mut text, 0);
    text.push('\n');
    text
}

/// The structs, enums and tuples that are described. Others name them by their index: a type may contain itself, and a
/// type that contains itself is told by its identity from one that looks the same.
#[derive(Default)]
struct Types {
    shapes: Vec<&'static Shape>,
    described: Vec<Json>,
}

impl Types {
    fn method(&mut self, method: &MethodDescriptor) -> Json {
        let args = method.args.iter().map(|arg| {
            Json::Object(vec![
                ("name", Json::Text(arg.name.into())),
                ("type", self.describe(arg.shape)),
            ])
        });
        let args = Json::List(args.collect());
        let (result, error) = match method.return_shape.def {
            Def::Result(result) => (self.describe(result.t()), self.describe(result.e())),
            _ => (self.describe(method.return_shape), Json::Absent),
        };
        Json::Object(vec![
            ("name", Json::Text(method.method_name.into())),
            ("doc", doc(method.doc.as_slice())),
            ("id", Json::Text(format!("{:#018x}", method.id.0))),
            ("args", args),
            ("result", result),
            ("error", error),
        ])
    }

    /// Goes through the kinds of types in the same order as roam's own hash of a signature.
    fn describe(&mut self, shape: &'static Shape) -> Json {
        let channel = |direction, this: &mut Self| {
            let credit = shape.const_params.iter().find(|param| param.name == "N");
            Json::Object(vec![
                (direction, this.describe(shape.type_params[0].shape)),
                ("credit", Json::Number(credit.map_or(16, |param| param.value))),
            ])
        };
        if shape.decl_id == roam::Tx::<()>::SHAPE.decl_id {
            return channel("tx", self);
        }
        if shape.decl_id == roam::Rx::<()>::SHAPE.decl_id {
            return channel("rx", self);
        }
        if let Some(why) = reason_against(shape) {
            return unsupported(shape, why);
        }
        if let (true, Some(inner)) = (shape.is_transparent(), shape.inner) {
            return self.describe(inner);
        }
        if let Some(scalar) = shape.scalar_type() {
            return plain(scalar).map_or_else(|| unsupported(shape, NO_KIND.into()), |name| Json::Text(name.into()));
        }
        match shape.def {
            Def::List(list) => self.list(shape, list.t(), list.t().scalar_type() == Some(ScalarType::U8)),
            Def::Slice(slice) => self.list(shape, slice.t(), false),
            Def::Array(array) => Json::Object(vec![
                ("array", self.describe(array.t())),
                ("length", Json::Number(array.n as u64)),
            ]),
            Def::Map(map) => Json::Object(vec![(
                "map",
                Json::List(vec![self.describe(map.k()), self.describe(map.v())]),
            )]),
            Def::Set(set) => Json::Object(vec![("set", self.describe(set.t()))]),
            Def::Option(option) => Json::Object(vec![("option", self.describe(option.t()))]),
            Def::Result(result) => Json::Object(vec![(
                "result",
                Json::List(vec![self.describe(result.t()), self.describe(result.e())]),
            )]),
            Def::Pointer(pointer) => match pointer.pointee {
                Some(pointee) => self.describe(pointee),
                None => unsupported(shape, NO_KIND.into()),
            },
            _ => match shape.ty {
                Type::User(UserType::Struct(_) | UserType::Enum(_)) => self.named(shape),
                _ => unsupported(shape, NO_KIND.into()),
            },
        }
    }

    /// roam's ids tell `Vec<u8>` from all else that has the same bytes.
    fn list(&mut self, shape: &'static Shape, element: &'static Shape, is_bytes: bool) -> Json {
        let element = self.describe(element);
        if !is_bytes && matches!(&element, Json::Text(name) if name == "u8") {
            return unsupported(shape, "its id is not that of Vec<u8>: take Vec<u8>".into());
        }
        Json::Object(vec![("list", element)])
    }

    fn named(&mut self, shape: &'static Shape) -> Json {
        let known = self.shapes.iter().position(|&known| known == shape);
        let index = known.unwrap_or_else(|| {
            let index = self.shapes.len();
            self.shapes.push(shape);
            self.described.push(Json::Absent);
            // A tuple has no name that tells more than its fields.
            let name = match shape.ty {
                Type::User(UserType::Struct(it)) if it.kind == StructKind::Tuple => Json::Absent,
                _ => Json::Text(shape.to_string()),
            };
            let mut members = vec![("name", name), ("doc", doc(shape.doc))];
            match shape.ty {
                Type::User(UserType::Struct(it)) => members.extend(self.fields(it.kind, it.fields)),
                Type::User(UserType::Enum(it)) => {
                    members.push(("enum", Json::List(it.variants.iter().map(|each| self.variant(each)).collect())));
                }
                _ => {}
            }
            self.described[index] = Json::Object(members);
            index
        });
        Json::Object(vec![("type", Json::Number(index as u64))])
    }

    fn variant(&mut self, variant: &'static Variant) -> Json {
        let mut members = vec![("name", Json::Text(variant.name.into())), ("doc", doc(variant.doc))];
        members.extend(self.fields(variant.data.kind, variant.data.fields));
        Json::Object(members)
    }

    fn fields(&mut self, kind: StructKind, fields: &'static [Field]) -> Option<(&'static str, Json)> {
        match kind {
            StructKind::Unit => None,
            StructKind::TupleStruct | StructKind::Tuple => {
                let types = fields.iter().map(|field| self.describe(field.shape()));
                Some(("tuple", Json::List(types.collect())))
            }
            StructKind::Struct => {
                let fields = fields.iter().map(|field| {
                    Json::Object(vec![
                        ("name", Json::Text(field.name.into())),
                        ("doc", doc(field.doc)),
                        ("type", self.describe(field.shape())),
                    ])
                });
                Some(("struct", Json::List(fields.collect())))
            }
        }
    }
}

const NO_KIND: &str = "roam's ids do not tell it from ()";

/// The names are those of Rust.
fn plain(scalar: ScalarType) -> Option<&'static str> {
    Some(match scalar {
        ScalarType::Unit => "()",
        ScalarType::Bool => "bool",
        ScalarType::Char => "char",
        ScalarType::Str | ScalarType::String | ScalarType::CowStr => "String",
        ScalarType::F32 => "f32",
        ScalarType::F64 => "f64",
        ScalarType::U8 => "u8",
        ScalarType::U16 => "u16",
        ScalarType::U32 => "u32",
        ScalarType::U64 => "u64",
        ScalarType::U128 => "u128",
        ScalarType::USize => "usize",
        ScalarType::I8 => "i8",
        ScalarType::I16 => "i16",
        ScalarType::I32 => "i32",
        ScalarType::I64 => "i64",
        ScalarType::I128 => "i128",
        ScalarType::ISize => "isize",
        _ => return None,
    })
}

/// An attribute that changes a type's bytes and not its id.
fn reason_against(shape: &'static Shape) -> Option<String> {
    let reason = |what: &str| Some(format!("{what} decides its bytes"));
    if shape.has_any_proxy() {
        return reason("a proxy");
    }
    if shape.opaque_adapter.is_some() {
        return reason("an adapter");
    }
    if shape.has_builtin_attr("opaque") || matches!(shape.ty, Type::User(UserType::Opaque)) && !has_known_def(shape) {
        return Some("it is opaque".into());
    }
    if shape.is_metadata_container() {
        return reason("#[facet(metadata_container)]");
    }
    match shape.ty {
        Type::User(UserType::Struct(it)) => it.fields.iter().find_map(reason_against_field),
        Type::User(UserType::Enum(it)) => {
            if shape.is_untagged() || shape.is_numeric() || shape.tag.is_some() || it.is_cow {
                return reason("#[facet(untagged, is_numeric, tag or cow)]");
            }
            if it.variants.iter().any(Variant::is_other) {
                return reason("#[facet(other)]");
            }
            let mut fields = it.variants.iter().flat_map(|variant| variant.data.fields);
            fields.find_map(reason_against_field)
        }
        _ => None,
    }
}

/// Options, lists and others are opaque to facet, and have a definition of their own.
fn has_known_def(shape: &Shape) -> bool {
    !matches!(shape.def, Def::Undefined | Def::Scalar)
        || shape.scalar_type().is_some()
        || shape.is_transparent() && shape.inner.is_some()
}

fn reason_against_field(field: &'static Field) -> Option<String> {
    let attribute = if field.should_skip_serializing_unconditional() || field.should_skip_deserializing() {
        "skip"
    } else if field.is_flattened() {
        "flatten"
    } else if field.has_any_proxy() {
        "proxy"
    } else if field.is_metadata() {
        "metadata"
    } else if field.has_builtin_attr("opaque") {
        "opaque"
    } else {
        return None;
    };
    Some(format!("#[facet({attribute})] of its field {} decides its bytes", field.name))
}

fn unsupported(shape: &'static Shape, why: String) -> Json {
    Json::Object(vec![
        ("unsupported", Json::Text(shape.to_string())),
        ("why", Json::Text(why)),
    ])
}

fn doc(lines: &[&str]) -> Json {
    if lines.is_empty() {
        return Json::Absent;
    }
    // The macros keep the escapes of the literal that a doc comment is to the compiler, but for those of quotes.
    let mut text = String::new();
    let escaped = lines.join("\n");
    let mut characters = escaped.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => {}
                Some('\\') => text.push('\\'),
                next => text.extend(['\\'].into_iter().chain(next)),
            },
            _ => text.push(character),
        }
    }
    Json::Text(text)
}

enum Json {
    /// A member with this value is left out.
    Absent,
    Number(u64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
}

impl Json {
    /// Writes a list or an object on the line that has been begun, if it has room there.
    fn write(&self, text: &mut String, indent: usize) {
        let start = text.len();
        self.write_short(text);
        let width = text.chars().rev().take_while(|&character| character != '\n').count();
        if width < 120 || !matches!(self, Self::List(_) | Self::Object(_)) {
            return;
        }
        text.truncate(start);
        let inner = indent + 2;
        let mut separator = "";
        let mut line = |text: &mut String| {
            text.push_str(separator);
            separator = ",";
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', inner));
        };
        let (open, close) = self.brackets();
        text.push(open);
        match self {
            Self::List(items) => {
                for item in items {
                    line(text);
                    item.write(text, inner);
                }
            }
            Self::Object(members) => {
                for (name, value) in members.iter().filter(|(_, value)| !matches!(value, Self::Absent)) {
                    line(text);
                    write_text(name, text);
                    text.push_str(": ");
                    value.write(text, inner);
                }
            }
            _ => {}
        }
        text.push('\n');
        text.extend(std::iter::repeat_n(' ', indent));
        text.push(close);
    }

    fn write_short(&self, text: &mut String) {
        let (open, close) = self.brackets();
        let mut separator = "";
        match self {
            Self::Absent => text.push_str("null"),
            Self::Number(number) => text.push_str(&number.to_string()),
            Self::Text(value) => write_text(value, text),
            Self::List(items) => {
                text.push(open);
                for item in items {
                    text.push_str(separator);
                    separator = ", ";
                    item.write_short(text);
                }
                text.push(close);
            }
            Self::Object(members) => {
                text.push(open);
                for (name, value) in members.iter().filter(|(_, value)| !matches!(value, Self::Absent)) {
                    text.push_str(if separator.is_empty() { " " } else { separator });
                    separator = ", ";
                    write_text(name, text);
                    text.push_str(": ");
                    value.write_short(text);
                }
                text.push(' ');
                text.push(close);
            }
        }
    }

    fn brackets(&self) -> (char, char) {
        if matches!(self, Self::List(_)) { ('[', ']') } else { ('{', '}') }
    }
}

fn write_text(value: &str, text: &mut String) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            '\n' => text.push_str("\\n"),
            _ if character.is_control() => text.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => text.push(character),
        }
    }
    text.push('"');
}
