//! The services of the peer: `Testbed` has a method for every behaviour of a handler, `Types` one for every kind of type.
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use facet::Facet;
use roam::{Handler, ReplySink, RequestCall, Rx, SelfRef, Tx, service};
use roam_core::SessionHandle;
use serde_json::json;

use crate::output::print;
use crate::virtual_connection;

// The macro's parser takes neither `Rx<T, 256>` nor `[T; 3]`. It knows a channel by the last name of the type's path,
// so an alias of another credit has to be called Rx too.
mod wide {
    pub type Rx<T> = roam::Rx<T, 256>;
}
mod none {
    pub type Rx<T> = roam::Rx<T, 0>;
}
mod narrow {
    pub type Rx<T> = roam::Rx<T, 1>;
}
pub type Three = [u32; 3];
pub type Four = [u8; 4];

#[service]
pub trait Testbed {
    // The official test service.
    async fn echo(&self, message: String) -> String;
    async fn reverse(&self, message: String) -> String;
    async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, MathError>;
    async fn lookup(&self, id: u32) -> Result<Person, LookupError>;
    async fn sum(&self, numbers: Rx<i32>) -> i64;
    async fn generate(&self, count: u32, output: Tx<i32>);
    async fn transform(&self, input: Rx<String>, output: Tx<String>);
    async fn echo_point(&self, point: Point) -> Point;
    async fn shape_area(&self, shape: Shape) -> f64;
    async fn process_message(&self, msg: Message) -> Message;
    async fn get_points(&self, count: u32) -> Vec<Point>;
    async fn swap_pair(&self, pair: (i32, String)) -> (String, i32);

    // Ours: how a handler ends, and what it does with a channel.
    async fn echo_bytes(&self, bytes: Vec<u8>) -> Vec<u8>;
    async fn slow(&self, millis: u64) -> u64;
    async fn fail_hard(&self) -> u32;
    async fn nothing(&self);
    async fn drop_rx(&self, numbers: Rx<i32>) -> u32;
    async fn drop_tx(&self, count: u32, output: Tx<i32>);
    async fn late_tx(&self, count: u32, output: Tx<i32>) -> u32;
    async fn sum_late(&self, wait: u64, numbers: Rx<i32>) -> Vec<i64>;
    async fn sum_wide(&self, wait: u64, numbers: wide::Rx<i32>) -> Vec<i64>;
    async fn sum_none(&self, numbers: none::Rx<i32>) -> i64;
    async fn sum_narrow(&self, numbers: narrow::Rx<i32>) -> i64;
    async fn stream_bytes(&self, count: u32, size: u32, output: Tx<Vec<u8>>);
    async fn sink_bytes(&self, input: Rx<Vec<u8>>) -> u64;
    async fn nested(&self, ends: Ends, maybe: Option<Tx<i32>>) -> String;
    async fn nested_only(&self, ends: Ends) -> String;
    /// Opens a virtual connection to the caller with `policy` as a key of its metadata, and says what came of it.
    async fn open_back(&self, policy: String) -> Vec<String>;
}

#[service]
pub trait Types {
    async fn t_bool(&self, v: bool) -> bool;
    async fn t_u8(&self, v: u8) -> u8;
    async fn t_u16(&self, v: u16) -> u16;
    async fn t_u32(&self, v: u32) -> u32;
    async fn t_u64(&self, v: u64) -> u64;
    async fn t_u128(&self, v: u128) -> u128;
    async fn t_i8(&self, v: i8) -> i8;
    async fn t_i16(&self, v: i16) -> i16;
    async fn t_i32(&self, v: i32) -> i32;
    async fn t_i64(&self, v: i64) -> i64;
    async fn t_i128(&self, v: i128) -> i128;
    async fn t_usize(&self, v: usize) -> usize;
    async fn t_isize(&self, v: isize) -> isize;
    async fn t_f32(&self, v: f32) -> f32;
    async fn t_f64(&self, v: f64) -> f64;
    async fn t_char(&self, v: char) -> char;
    async fn t_string(&self, v: String) -> String;
    async fn t_unit(&self, v: ()) -> ();
    async fn t_bytes(&self, v: Vec<u8>) -> Vec<u8>;
    async fn t_list(&self, v: Vec<u32>) -> Vec<u32>;
    async fn t_list_of_lists(&self, v: Vec<Vec<String>>) -> Vec<Vec<String>>;
    async fn t_option(&self, v: Option<u32>) -> Option<u32>;
    async fn t_option_of_option(&self, v: Option<Option<u32>>) -> Option<Option<u32>>;
    async fn t_array(&self, v: Three) -> Three;
    async fn t_array_u8(&self, v: Four) -> Four;
    async fn t_arrays(&self, v: Arrays) -> Arrays;
    async fn t_map(&self, v: BTreeMap<String, u32>) -> BTreeMap<String, u32>;
    async fn t_set(&self, v: BTreeSet<u32>) -> BTreeSet<u32>;
    async fn t_tuple(&self, v: (u8, i16, String)) -> (u8, i16, String);
    async fn t_new(&self, v: New) -> New;
    async fn t_thin(&self, v: Thin) -> Thin;
    async fn t_empty(&self, v: Empty) -> Empty;
    async fn t_variants(&self, v: Variants) -> Variants;
    async fn t_node(&self, v: Node) -> Node;
    async fn t_tree(&self, v: Tree) -> Tree;
    async fn t_boxed(&self, v: Box<u32>) -> Box<u32>;
    async fn t_outcome(&self, v: Outcome) -> Outcome;
    async fn t_none(&self) -> u32;
    async fn t_two(&self, a: u32, b: String) -> u32;
    // The name of a method is a part of its id, in kebab case: this one is hard to split.
    async fn getHTTP2Value(&self) -> u32;
    async fn t_pair(&self, v: Pair) -> Pair;
    async fn t_odd(&self, v: Odd) -> Odd;
    async fn t_expression(&self, v: Expression) -> Expression;
    async fn t_option_of_unit(&self, v: Option<()>) -> Option<()>;
    async fn t_list_of_units(&self, v: Vec<()>) -> Vec<()>;
    async fn t_map_of_maps(
        &self,
        v: BTreeMap<(u8, String), BTreeMap<i32, bool>>,
    ) -> BTreeMap<(u8, String), BTreeMap<i32, bool>>;
    async fn t_hash_map(&self, v: HashMap<u32, String>) -> HashMap<u32, String>;
    async fn t_hash_set(&self, v: HashSet<String>) -> HashSet<String>;
    async fn t_outcomes(&self, v: Outcomes) -> Outcomes;
    async fn t_generic(&self, v: Page<Point>) -> Page<Point>;
    async fn t_everything(&self, v: Everything) -> Everything;
    /// Says what has come, in Rust's own words: an echo would not show a mistake that is made both ways.
    async fn describe(&self, v: Everything) -> String;
    /// Gives a value of every kind that the caller did not send.
    async fn everything(&self) -> Everything;
}

/// What a stranger calls: a service of the same name whose methods are not the same.
pub mod stranger {
    use facet::Facet;
    use roam::service;

    #[service]
    pub trait Types {
        async fn t_missing(&self, v: u32) -> u32;
        async fn t_outcome(&self, v: Outcome) -> Outcome;
    }

    #[derive(Debug, Clone, Facet)]
    pub struct Outcome {
        pub result: Result<String, String>,
    }
}

#[derive(Debug, Clone, Facet)]
pub struct Point {
    pub x: i32,
    pub y: i32,
}

#[derive(Debug, Clone, Facet)]
pub struct Person {
    pub name: String,
    pub age: u8,
    pub email: Option<String>,
}

#[derive(Debug, Clone, Facet)]
#[repr(u8)]
pub enum Shape {
    Circle { radius: f64 } = 0,
    Rectangle { width: f64, height: f64 } = 1,
    Point = 2,
}

#[derive(Debug, Clone, Facet)]
#[repr(u8)]
pub enum Message {
    Text(String) = 0,
    Number(i64) = 1,
    Data(Vec<u8>) = 2,
}

#[derive(Debug, Clone, Facet)]
#[repr(u8)]
pub enum MathError {
    DivisionByZero = 0,
    Overflow = 1,
}

#[derive(Debug, Clone, Facet)]
#[repr(u8)]
pub enum LookupError {
    NotFound = 0,
    AccessDenied = 1,
}

/// Channels that are not arguments themselves.
#[derive(Facet)]
pub struct Ends {
    pub input: Rx<i32>,
    pub output: Tx<i32>,
}

#[derive(Debug, Clone, Facet)]
pub struct New(pub u32);

#[derive(Debug, Clone, Facet)]
#[repr(transparent)]
#[facet(transparent)]
pub struct Thin(pub u32);

#[derive(Debug, Clone, Facet)]
pub struct Empty;

/// The discriminants are not the indices: the wire has indices.
#[derive(Debug, Clone, Facet)]
#[repr(u8)]
#[allow(dead_code)]
pub enum Variants {
    Unit = 5,
    New(u32) = 9,
    Pair(u32, String) = 10,
    Fields { a: u8, b: bool } = 11,
}

#[derive(Debug, Clone, Facet)]
pub struct Node {
    pub value: u32,
    pub next: Option<Box<Node>>,
}

#[derive(Debug, Clone, Facet)]
pub struct Tree {
    pub name: String,
    pub children: Vec<Tree>,
}

#[derive(Debug, Clone, Facet)]
pub struct Arrays {
    pub numbers: [u32; 3],
    pub bytes: [u8; 4],
    pub points: [Point; 2],
}

#[derive(Debug, Clone, Facet)]
pub struct Pair(pub u32, pub String);

/// Fields whose names mean something in JavaScript.
#[derive(Debug, Clone, Facet)]
pub struct Odd {
    pub __proto__: u32,
    pub constructor: String,
    pub r#type: bool,
    pub then: Option<u32>,
    pub to_string: Special,
}

#[derive(Debug, Clone, Facet)]
#[repr(u8)]
#[allow(dead_code, nonstandard_style)]
pub enum Special {
    __proto__(u32),
    constructor { __proto__: u8, hasOwnProperty: bool },
}

/// An enum that contains itself, within a list and within an option, too.
#[derive(Debug, Clone, Facet)]
#[repr(u8)]
#[allow(dead_code)]
pub enum Expression {
    Number(f64),
    Negative(Box<Expression>),
    Sum {
        left: Box<Expression>,
        right: Box<Expression>,
    },
    Call(String, Vec<Expression>),
    Maybe(Option<Box<Expression>>),
}

#[derive(Debug, Clone, Facet)]
pub struct Outcomes {
    pub list: Vec<Result<u32, String>>,
    pub unit: Result<(), MathError>,
    pub nested: Result<Option<Result<u8, i8>>, Vec<u8>>,
}

#[derive(Debug, Clone, Facet)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<u64>,
}

/// A value of every kind at once.
#[derive(Debug, Clone, PartialEq, Facet)]
pub struct Everything {
    pub yes: bool,
    pub small: (u8, i8),
    pub middle: (u16, i16),
    pub word: (u32, i32),
    pub long: (u64, i64),
    pub huge: (u128, i128),
    pub size: (usize, isize),
    pub single: f32,
    pub double: f64,
    pub letter: char,
    pub text: String,
    pub bytes: Vec<u8>,
    pub list: Vec<i32>,
    pub maybe: Option<Option<u32>>,
    pub array: [i16; 3],
    pub map: BTreeMap<String, u32>,
    pub set: BTreeSet<u32>,
    pub unit: (),
    pub choice: Choice,
    pub result: Result<u32, String>,
}

#[derive(Debug, Clone, PartialEq, Facet)]
#[repr(u8)]
#[allow(dead_code)]
pub enum Choice {
    Unit,
    New(u32),
    Pair(u32, String),
    Fields { a: u8, b: bool },
}

/// A Result that is not the result of a method.
#[derive(Debug, Clone, Facet)]
pub struct Outcome {
    pub result: Result<u32, String>,
}

/// Prints when a handler's future was dropped before its end.
struct HandlerGuard {
    method: &'static str,
    is_done: bool,
}

impl HandlerGuard {
    fn new(method: &'static str) -> Self {
        Self { method, is_done: false }
    }

    fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for HandlerGuard {
    fn drop(&mut self) {
        if !self.is_done {
            print("handler dropped", json!({"method": self.method}));
        }
    }
}

#[derive(Clone, Default)]
pub struct Service {
    /// The session that this service is served on, as soon as it is established.
    pub session: Arc<OnceLock<SessionHandle>>,
}

impl Testbed for Service {
    async fn echo(&self, message: String) -> String {
        message
    }

    async fn reverse(&self, message: String) -> String {
        message.chars().rev().collect()
    }

    async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, MathError> {
        if divisor == 0 {
            return Err(MathError::DivisionByZero);
        }
        dividend.checked_div(divisor).ok_or(MathError::Overflow)
    }

    async fn lookup(&self, id: u32) -> Result<Person, LookupError> {
        match id {
            1 => Ok(Person {
                name: "Alice".into(),
                age: 30,
                email: Some("alice@example.com".into()),
            }),
            2 => Ok(Person {
                name: "Bob".into(),
                age: 25,
                email: None,
            }),
            403 => Err(LookupError::AccessDenied),
            _ => Err(LookupError::NotFound),
        }
    }

    async fn sum(&self, mut numbers: Rx<i32>) -> i64 {
        let mut total = 0i64;
        loop {
            match numbers.recv().await {
                Ok(Some(number)) => total += i64::from(*number),
                Ok(None) => {
                    print("sum ends", json!({"by": "close"}));
                    return total;
                }
                Err(error) => {
                    print("sum ends", json!({"by": error.to_string()}));
                    return total;
                }
            }
        }
    }

    async fn generate(&self, count: u32, output: Tx<i32>) {
        let guard = HandlerGuard::new("generate");
        for number in 0..count.cast_signed() {
            if let Err(error) = output.send(number).await {
                print("generate send failed", json!({"error": error.to_string()}));
                break;
            }
        }
        output.close(Default::default()).await.ok();
        guard.done();
    }

    async fn transform(&self, mut input: Rx<String>, output: Tx<String>) {
        while let Ok(Some(text)) = input.recv().await {
            let _ = output.send(text.to_uppercase()).await;
        }
        output.close(Default::default()).await.ok();
    }

    async fn echo_point(&self, point: Point) -> Point {
        point
    }

    async fn shape_area(&self, shape: Shape) -> f64 {
        match shape {
            Shape::Circle { radius } => std::f64::consts::PI * radius * radius,
            Shape::Rectangle { width, height } => width * height,
            Shape::Point => 0.0,
        }
    }

    async fn process_message(&self, msg: Message) -> Message {
        match msg {
            Message::Text(text) => Message::Text(format!("processed: {text}")),
            Message::Number(number) => Message::Number(number * 2),
            Message::Data(bytes) => Message::Data(bytes.into_iter().rev().collect()),
        }
    }

    async fn get_points(&self, count: u32) -> Vec<Point> {
        (0..count.cast_signed()).map(|x| Point { x, y: x * 2 }).collect()
    }

    async fn swap_pair(&self, pair: (i32, String)) -> (String, i32) {
        (pair.1, pair.0)
    }

    async fn echo_bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    async fn slow(&self, millis: u64) -> u64 {
        let guard = HandlerGuard::new("slow");
        tokio::time::sleep(Duration::from_millis(millis)).await;
        guard.done();
        millis
    }

    async fn fail_hard(&self) -> u32 {
        panic!("on purpose")
    }

    async fn nothing(&self) {}

    async fn drop_rx(&self, mut numbers: Rx<i32>) -> u32 {
        let first = numbers.recv().await;
        drop(numbers);
        first.ok().flatten().map_or(0, |number| number.cast_unsigned())
    }

    async fn drop_tx(&self, count: u32, output: Tx<i32>) {
        for number in 0..count.cast_signed() {
            let _ = output.send(number).await;
        }
        drop(output);
    }

    /// Answers first, and sends its items after that.
    async fn late_tx(&self, count: u32, output: Tx<i32>) -> u32 {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(60)).await;
            for number in 0..count.cast_signed() {
                if output.send(number).await.is_err() {
                    return;
                }
            }
            output.close(Default::default()).await.ok();
        });
        count
    }

    async fn sum_late(&self, wait: u64, numbers: Rx<i32>) -> Vec<i64> {
        count_and_sum(wait, numbers).await
    }

    async fn sum_wide(&self, wait: u64, numbers: Rx<i32, 256>) -> Vec<i64> {
        count_and_sum(wait, numbers).await
    }

    async fn sum_none(&self, numbers: Rx<i32, 0>) -> i64 {
        count_and_sum(0, numbers).await[1]
    }

    async fn sum_narrow(&self, numbers: Rx<i32, 1>) -> i64 {
        count_and_sum(0, numbers).await[1]
    }

    async fn stream_bytes(&self, count: u32, size: u32, output: Tx<Vec<u8>>) {
        for number in 0..count {
            if output.send(vec![number as u8; size as usize]).await.is_err() {
                break;
            }
        }
        output.close(Default::default()).await.ok();
    }

    async fn sink_bytes(&self, mut input: Rx<Vec<u8>>) -> u64 {
        let mut count = 0;
        while let Ok(Some(_)) = input.recv().await {
            count += 1;
        }
        count
    }

    async fn nested(&self, mut ends: Ends, maybe: Option<Tx<i32>>) -> String {
        let mut total = 0;
        while let Ok(Some(number)) = ends.input.recv().await {
            total += *number;
            let _ = ends.output.send(*number * 2).await;
        }
        if let Some(output) = &maybe {
            let _ = output.send(total).await;
        }
        format!("{total} {}", maybe.is_some())
    }

    async fn nested_only(&self, mut ends: Ends) -> String {
        let first = ends.input.recv().await;
        let first = first
            .map(|item| item.map(|number| *number))
            .map_err(|error| error.to_string());
        format!("{first:?} {}", ends.output.is_bound())
    }

    async fn open_back(&self, policy: String) -> Vec<String> {
        match self.session.get() {
            None => vec!["the session is not there yet".into()],
            Some(session) => virtual_connection::open_call_and_close(session, &policy).await,
        }
    }
}

async fn count_and_sum<const CREDIT: usize>(wait: u64, mut numbers: Rx<i32, CREDIT>) -> Vec<i64> {
    tokio::time::sleep(Duration::from_millis(wait)).await;
    let mut count = 0;
    let mut sum = 0;
    while let Ok(Some(number)) = numbers.recv().await {
        count += 1;
        sum += i64::from(*number);
    }
    vec![count, sum]
}

/// Writes the handlers of `Types` that return their argument.
macro_rules! echoes {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(async fn $method(&self, v: $type) -> $type {
            v
        })*
    };
}

impl Types for Service {
    echoes! {
        t_bool: bool,
        t_u8: u8,
        t_u16: u16,
        t_u32: u32,
        t_u64: u64,
        t_u128: u128,
        t_i8: i8,
        t_i16: i16,
        t_i32: i32,
        t_i64: i64,
        t_i128: i128,
        t_usize: usize,
        t_isize: isize,
        t_f32: f32,
        t_f64: f64,
        t_char: char,
        t_string: String,
        t_unit: (),
        t_bytes: Vec<u8>,
        t_list: Vec<u32>,
        t_list_of_lists: Vec<Vec<String>>,
        t_option: Option<u32>,
        t_option_of_option: Option<Option<u32>>,
        t_array: Three,
        t_array_u8: Four,
        t_arrays: Arrays,
        t_map: BTreeMap<String, u32>,
        t_set: BTreeSet<u32>,
        t_tuple: (u8, i16, String),
        t_new: New,
        t_thin: Thin,
        t_empty: Empty,
        t_variants: Variants,
        t_node: Node,
        t_tree: Tree,
        t_boxed: Box<u32>,
        t_outcome: Outcome,
        t_pair: Pair,
        t_odd: Odd,
        t_expression: Expression,
        t_option_of_unit: Option<()>,
        t_list_of_units: Vec<()>,
        t_map_of_maps: BTreeMap<(u8, String), BTreeMap<i32, bool>>,
        t_hash_map: HashMap<u32, String>,
        t_hash_set: HashSet<String>,
        t_outcomes: Outcomes,
        t_generic: Page<Point>,
        t_everything: Everything,
    }

    async fn t_none(&self) -> u32 {
        7
    }

    async fn t_two(&self, a: u32, b: String) -> u32 {
        a + u32::try_from(b.len()).expect("a frame is shorter than 4 GiB")
    }

    async fn get_http2_value(&self) -> u32 {
        2
    }

    async fn describe(&self, v: Everything) -> String {
        format!("{v:?}")
    }

    async fn everything(&self) -> Everything {
        everything()
    }
}

/// A value in which no two parts are alike.
pub fn everything() -> Everything {
    Everything {
        yes: true,
        small: (200, -100),
        middle: (60_000, -30_000),
        word: (4_000_000_000, -2_000_000_000),
        long: (u64::MAX - 1, i64::MIN + 1),
        huge: (u128::MAX - 2, i128::MIN + 2),
        size: (1 << 40, -(1 << 40)),
        single: 1.5,
        double: -0.1,
        letter: 'ß',
        text: "grüße 🦀".into(),
        bytes: vec![0, 127, 128, 255],
        list: vec![-1, 0, 1],
        maybe: Some(None),
        array: [1, -2, 3],
        map: [("a".to_string(), 1), ("b".to_string(), 300)].into(),
        set: [7, 300].into(),
        unit: (),
        choice: Choice::Fields { a: 9, b: true },
        result: Err("no".into()),
    }
}

/// Serves both services on one connection: a dispatcher knows the methods of one service only.
#[derive(Clone, Default)]
pub struct Both(pub Service);

impl<R: ReplySink> Handler<R> for Both {
    async fn handle(&self, call: SelfRef<RequestCall<'static>>, reply: R) {
        let types = types_service_descriptor().methods;
        if types.iter().any(|method| method.id == call.method_id) {
            TypesDispatcher::new(self.0.clone()).handle(call, reply).await;
        } else {
            TestbedDispatcher::new(self.0.clone()).handle(call, reply).await;
        }
    }
}

/// Prints the id of every method.
pub fn print_ids() {
    for service in [testbed_service_descriptor(), types_service_descriptor()] {
        for method in service.methods {
            print(
                "id",
                json!({
                    "service": method.service_name,
                    "method": method.method_name,
                    "id": format!("{:#018x}", method.id.0),
                }),
            );
        }
    }
}
