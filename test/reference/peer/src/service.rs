//! The services of the peer: `Testbed` has a method for every behaviour of a handler, `Types` one for every kind of type.
use std::collections::{BTreeMap, BTreeSet};
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
