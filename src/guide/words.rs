//! The table of words: what each field, method, status code, opcode and close code of HTTP and WebSocket is
//! for, in English and Chinese.
//!
//! ```text
//! {"name": "If-None-Match", "lists": ["request"], "sender": "client",
//!  "purpose": {"en": "Asks for the representation only if ...", "zh": "..."},
//!  "grammar": "\"*\" / #entity-tag", "example": "\"5d8c\"",
//!  "section": "RFC 9110 section 13.1.2", "standing": "current"}
//! ```
//!
//! | member | says |
//! |---|---|
//! | `lists` | For a field of RFC 2616, its list there: `general`, `request`, `response` or `entity`. For a later field, the messages that have it: `request`, `response` or both. |
//! | `sender` | Who makes it: `client`, `server`, `both`, `intermediary` (a proxy, gateway or cache) or `nobody`. |
//! | `grammar` | The value in ABNF (RFC 5234), with lists as in RFC 9110 section 5.6.1. Names with `sf-` are types of structured fields (RFC 9651 section 3). What follows a semicolon is a comment. |
//! | `section` | The specification that defines it. `no specification` if there is none. |
//! | `standing` | One of the words below. |
//! | `by` | The RFC that removed, obsoleted or deprecated it. |
//!
//! | standing | means |
//! |---|---|
//! | `current` | A specification in force defines it. |
//! | `draft` | Its specification is not finished, or only some browsers follow it. |
//! | `informal` | It is in use, but no specification in force defines it. |
//! | `reserved` | It stays unused, so that it means nothing else. |
//! | `historic` | It is obsolete or deprecated. |
//! | `removed` | A later RFC took it out of HTTP. |
//!
//! In Chinese, one thing has one term on all pages: the book, the atlas, the wire view, the lab and this table.
//! The test `words` looks for the words that are not used.
//!
//! | English | Chinese | not |
//! |---|---|---|
//! | message of HTTP; of WebSocket or TLS | 报文；消息 | |
//! | head, field, trailer field | 首部、首部字段（字段）、尾部字段 | |
//! | content; body with its framing | 内容；报文体 | 消息体 |
//! | representation | 资源表示 | |
//! | request-target, listing | 请求目标（目标）、目录列表 | 文件列表 |
//! | scheme of a URI; of an origin; of authentication | 协议方案；协议；方案 | |
//! | reason phrase | 原因短语 | |
//! | chunk; part of a multipart content or of several ranges | 分块；段 | |
//! | boundary, delimiter | 边界、分隔行 | 分隔符 |
//! | dot segment | 点段 | 点路径段 |
//! | exchange | 请求，请求与响应 | 往来 |
//! | to answer with a status | 返回，响应 | 答复、作答 |
//! | to ask for | 请求，获取 | 索取、索要 |
//! | preference, expectation | 偏好、期望 | 愿望、期待 |
//! | validator, entity-tag, to revalidate | 验证器、实体标签、重新验证 | |
//! | order | 顺序 | 次序 |
//! | pipelining | 管线化 | 流水线 |
//! | frame, close frame, close code, payload | 帧、关闭帧、关闭码、载荷 | |
//! | bit, masking key | 位、掩码密钥 | 比特 |
//! | wire view, lab, atlas | 报文视图、实验室、HTTP 速查表 | 线路、词汇总览 |
//!
//! Invariant: this module knows nothing of the server. The test `words` compares the table with the server's
//! own lists.

/// The fields of RFC 2616 and today's common ones, sorted by name without case: an array in JSON.
pub const FIELDS: &str = include_str!("words/fields.json");

/// The methods of the IANA registry, sorted by name: an array in JSON. `cacheable` says whether a cache may
/// keep the response (RFC 9110 section 9.2.3, or the RFC of the method).
pub const METHODS: &str = include_str!("words/methods.json");

/// The status codes of the IANA registry, sorted by number: an array in JSON.
pub const STATUSES: &str = include_str!("words/statuses.json");

/// The opcodes and close codes of the IANA registries, sorted by number: an object in JSON. Its members are
/// `opcodes`, `opcode_ranges`, `close_codes` and `close_code_ranges`. A range goes from `first` to `last`,
/// both included, and stands for the numbers that have no entry of their own.
pub const WEBSOCKET: &str = include_str!("words/websocket.json");
