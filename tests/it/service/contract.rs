//! The public contract: field numbers are for ever, and every part is explained.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use prost::Message;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};
use rapport::grpc::pb;

fn files() -> Vec<FileDescriptorProto> {
    let all = FileDescriptorSet::decode(pb::DESCRIPTORS).unwrap();
    let ours: Vec<_> = all
        .file
        .into_iter()
        .filter(|file| file.package() == "rapport.v1")
        .collect();
    assert_eq!(ours.len(), 5);
    ours
}

fn messages(file: &FileDescriptorProto) -> &[DescriptorProto] {
    assert!(
        file.message_type
            .iter()
            .all(|message| message.nested_type.is_empty() && message.enum_type.is_empty()),
        "{}: nested types and maps have no place in the contract",
        file.name()
    );
    &file.message_type
}

/// Every number of the contract, one a line: `message Event.item_id = 3 string`.
fn numbers() -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for file in files() {
        for message in messages(&file) {
            for field in &message.field {
                let kind = match field.type_name() {
                    "" => format!("{:?}", field.r#type()).to_lowercase(),
                    name => name.trim_start_matches('.').to_owned(),
                };
                lines.insert(format!(
                    "message {}.{} = {} {kind} {:?}",
                    message.name(),
                    field.name(),
                    field.number(),
                    field.label()
                ));
            }
        }
        for values in &file.enum_type {
            for value in &values.value {
                lines.insert(format!(
                    "enum {}.{} = {}",
                    values.name(),
                    value.name(),
                    value.number()
                ));
            }
        }
        for service in &file.service {
            for method in &service.method {
                lines.insert(format!(
                    "rpc {}.{} {}{} -> {}{}",
                    service.name(),
                    method.name(),
                    if method.client_streaming() { "stream " } else { "" },
                    method.input_type(),
                    if method.server_streaming() { "stream " } else { "" },
                    method.output_type()
                ));
            }
        }
    }
    lines
}

/// Numbers may be added, never changed or taken away. After an addition, put the new lines into the file.
#[test]
fn no_number_changes_its_meaning() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/contract_v1.txt");
    let kept: BTreeSet<String> = fs::read_to_string(file)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let now = numbers();
    let lost: Vec<_> = kept.difference(&now).collect();
    assert!(lost.is_empty(), "the contract lost {lost:#?}");
    let new: Vec<_> = now.difference(&kept).cloned().collect();
    assert!(
        new.is_empty(),
        "add to tests/data/contract_v1.txt:\n{}",
        new.join("\n")
    );
}

#[test]
fn every_part_is_explained() {
    for file in files() {
        let explained: BTreeSet<Vec<i32>> = file
            .source_code_info
            .iter()
            .flat_map(|info| &info.location)
            .filter(|location| !location.leading_comments().trim().is_empty())
            .map(|location| location.path.clone())
            .collect();
        let check = |path: &[i32], name: &str| {
            assert!(explained.contains(path), "{}: {name} has no comment", file.name());
        };
        // The numbers of the descriptor's own fields: 4 message, 5 enum, 6 service; within them 2 field, value, method.
        let indexed = |n: usize| i32::try_from(n).unwrap();
        for (m, message) in messages(&file).iter().enumerate() {
            check(&[4, indexed(m)], message.name());
            for (f, field) in message.field.iter().enumerate() {
                check(&[4, indexed(m), 2, indexed(f)], field.name());
            }
        }
        for (e, values) in file.enum_type.iter().enumerate() {
            let values: &EnumDescriptorProto = values;
            check(&[5, indexed(e)], values.name());
            for (v, value) in values.value.iter().enumerate() {
                check(&[5, indexed(e), 2, indexed(v)], value.name());
            }
            let zero = &values.value[0];
            assert!(
                zero.number() == 0 && zero.name().ends_with("_UNSPECIFIED"),
                "{}",
                values.name()
            );
        }
        for (s, service) in file.service.iter().enumerate() {
            check(&[6, indexed(s)], service.name());
            for (m, method) in service.method.iter().enumerate() {
                check(&[6, indexed(s), 2, indexed(m)], method.name());
            }
        }
    }
}
