//! Prints descriptions of services by the file that `roam-actors generate --rust` prints.
use std::collections::{BTreeMap, HashMap, HashSet};
use std::process::ExitCode;
use std::sync::Arc;

use facet::Facet;
use roam::{Rx, Tx, service};

#[path = "../../../../src/cli/generate/describe.rs"]
mod describe;

// The macro's parser does not take slices.
pub type Numbers = Box<[u32]>;
pub type Shared = Arc<[u8]>;

/// Has what is odd about names, documentation and types.
///
/// Nothing serves it.
#[service]
pub trait Odd {
    /// Its documentation ends a comment: */ and has "quotes", 'quotes', `code`, a \ and é, ü.
    async fn evaluate(&self, expression: Expression) -> Result<i64, Failure>;
    /// Its name is a keyword of Rust.
    async fn r#type(&self, r#match: Keyword) -> Keyword;
    /** A block
     of two lines. */
    async fn then(&self) -> u8;
    async fn constructor(&self);
    async fn get_2_points(&self, first: Point, second: other::Point) -> (Point, other::Point);
    async fn camelCase(&self, HTTPPort: u16) -> u16;
    async fn generic(&self, number: Wrapper<u32>, text: Wrapper<Vec<Wrapper<String>>>) -> Wrapper<()>;
    async fn mutual(&self, ping: Ping) -> Pong;
    async fn looped(&self, pair: (u8, Loop)) -> Loop;
    async fn newtypes(&self, chain: Chain, rows: Rows, table: Table) -> Nothing;
    async fn globals(&self, map: Map, t: t, text: string) -> Type;
    async fn shared(&self, text: Arc<str>, list: Numbers, hash: HashMap<u8, HashSet<char>>) -> Option<Option<()>>;
    async fn streams(&self, input: Rx<Expression>, output: Tx<(u32, Point)>) -> Result<(), String>;
    async fn variants(&self, all: Shapes) -> BTreeMap<String, Vec<Result<Point, Shapes>>>;
    async fn never(&self) -> Result<u8, std::convert::Infallible>;
    async fn every(&self, every: Every) -> Every;
    async fn two_results(&self) -> Result<Result<u8, String>, ()>;
}

/// Has only methods that have no TypeScript.
#[service]
pub trait Impossible {
    async fn slice(&self, bytes: Shared) -> u8;
    async fn thin_list(&self) -> Vec<ThinByte>;
    async fn lasting(&self, time: std::time::Duration) -> u8;
    async fn skipped(&self, skipped: Skipped) -> u8;
    async fn flat(&self) -> Flat;
    async fn proxied(&self) -> Option<Proxied>;
    async fn numeric(&self, level: Level) -> u8;
    async fn untagged(&self, either: Either) -> u8;
    async fn ends(&self, ends: Ends) -> u8;
    async fn maybe(&self, maybe: Option<Tx<i32>>) -> u8;
    async fn lists(&self, list: Vec<(Rx<u8>, u8)>) -> u8;
    async fn endless(&self, endless: Endless) -> u8;
}

/// An expression.
#[derive(Facet)]
#[repr(u8)]
#[allow(dead_code)]
pub enum Expression {
    /// A number: "quoted", \ and é.
    Number(i64),
    /// Two, added: 'a' + "b".
    Sum(Box<Expression>, Box<Expression>),
    Call {
        /// Which function.
        function: String,
        arguments: Vec<Expression>,
    },
    Nothing,
}

/// Why it failed.
#[derive(Facet)]
#[repr(u8)]
#[allow(dead_code)]
pub enum Failure {
    Overflow,
    /// The position of what is wrong.
    Syntax(u32),
}

#[derive(Facet)]
#[allow(non_snake_case)]
pub struct Keyword {
    pub r#type: u8,
    pub __proto__: u8,
    pub constructor: u8,
    pub class: u8,
    pub Straße: u8,
}

#[derive(Facet)]
pub struct Point {
    pub x: f32,
    pub y: f32,
}

pub mod other {
    #[derive(facet::Facet)]
    pub struct Point {
        pub x: f64,
    }
}

/// Wraps a value.
#[derive(Facet)]
pub struct Wrapper<T> {
    /// What is wrapped.
    pub value: T,
}

#[derive(Facet)]
pub struct Ping {
    pub pong: Option<Box<Pong>>,
}

#[derive(Facet)]
pub struct Pong {
    pub pings: Vec<Ping>,
    pub point: Point,
}

/// Contains itself by a tuple.
#[derive(Facet)]
pub struct Loop {
    pub next: Vec<(u8, Loop)>,
}

#[derive(Facet)]
pub struct Chain(pub Option<Box<Chain>>);

#[derive(Facet)]
pub struct Rows(pub Vec<Rows>, pub u8);

#[derive(Facet)]
pub struct Table(pub BTreeMap<String, Table>);

#[derive(Facet)]
pub struct Nothing;

#[derive(Facet)]
pub struct Map {
    pub inner: BTreeMap<String, Map>,
    pub set: HashSet<u8>,
    pub nothing: Option<()>,
}

#[derive(Facet)]
#[allow(non_camel_case_types)]
pub struct t {
    pub t: u8,
}

#[derive(Facet)]
#[allow(non_camel_case_types)]
pub struct string(pub String);

#[derive(Facet)]
pub struct Type {
    pub service: Option<Box<Type>>,
    pub bytes: Vec<u8>,
}

#[derive(Facet)]
#[repr(u8)]
#[allow(dead_code)]
pub enum Shapes {
    Unit,
    Empty {},
    None(),
    One(u8),
    Tuple((u8, u8)),
    Two(u8, Option<u16>),
    Fields { r#in: [u8; 4], list: [Point; 2] },
}

/// Contains itself, and so has a TypeScript type that is written down.
#[derive(Facet)]
pub struct Every {
    /// Itself.
    pub every: Option<Box<Every>>,
    pub bool: bool,
    pub char: char,
    pub string: String,
    pub f32: f32,
    pub f64: f64,
    pub u8: u8,
    pub u16: u16,
    pub u32: u32,
    pub u64: u64,
    pub u128: u128,
    pub usize: usize,
    pub i8: i8,
    pub i16: i16,
    pub i32: i32,
    pub i64: i64,
    pub i128: i128,
    pub isize: isize,
    pub unit: (),
    pub bytes: Vec<u8>,
    pub options: Vec<Option<u8>>,
    pub results: [Result<u8, String>; 2],
    pub nothing: Option<Nothing>,
    pub chain: Option<Chain>,
    pub thin: Option<ThinByte>,
    pub tuple: Option<(u8, Option<i64>)>,
    pub one: (u8,),
}

#[derive(Facet)]
#[repr(transparent)]
#[facet(transparent)]
pub struct ThinByte(pub u8);

#[derive(Facet)]
pub struct Skipped {
    pub kept: u8,
    #[facet(skip, default)]
    pub skipped: u8,
}

#[derive(Facet)]
pub struct Flat {
    #[facet(flatten)]
    pub point: Point,
}

#[derive(Facet)]
#[facet(proxy = String)]
pub struct Proxied(pub u32);

impl TryFrom<String> for Proxied {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl From<&Proxied> for String {
    fn from(value: &Proxied) -> Self {
        value.0.to_string()
    }
}

#[derive(Facet)]
#[repr(u8)]
#[facet(is_numeric)]
#[allow(dead_code)]
pub enum Level {
    Low = 1,
    High = 9,
}

#[derive(Facet)]
#[repr(u8)]
#[facet(untagged)]
#[allow(dead_code)]
pub enum Either {
    Left(u8),
    Right(String),
}

#[derive(Facet)]
pub struct Ends {
    pub input: Rx<i32>,
}

#[derive(Facet)]
pub struct Endless {
    pub again: Box<Endless>,
}

/// Prints the description of the service that the first argument names.
pub fn print(args: &[String]) -> ExitCode {
    let descriptor = match args.first().map(String::as_str) {
        Some("Testbed") => crate::service::testbed_service_descriptor(),
        Some("Types") => crate::service::types_service_descriptor(),
        Some("Odd") => odd_service_descriptor(),
        Some("Impossible") => impossible_service_descriptor(),
        _ => return crate::refuse("describe takes Testbed, Types, Odd or Impossible"),
    };
    print!("{}", describe::json(descriptor));
    ExitCode::SUCCESS
}
