//! Fields that one option adds together. A response that has such a field already keeps its own, and the
//! operator's fields replace them.

/// What browsers may do with pages. Scripts and styles within a page are allowed, because site generators
/// write them; what is loaded comes from the site itself.
pub const SECURITY: &[(&str, &str)] = &[
    ("X-Content-Type-Options", "nosniff"),
    (
        "Content-Security-Policy",
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; \
         style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; \
         media-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; \
         form-action 'self'; frame-ancestors 'self'",
    ),
    // For browsers that do not know frame-ancestors.
    ("X-Frame-Options", "SAMEORIGIN"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    (
        "Permissions-Policy",
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    RESOURCES_OF_SAME_ORIGIN,
];

/// Isolates pages from other origins. Browsers then allow threads of WebAssembly and precise clocks.
pub const ISOLATION: &[(&str, &str)] = &[
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    RESOURCES_OF_SAME_ORIGIN,
];

const RESOURCES_OF_SAME_ORIGIN: (&str, &str) = ("Cross-Origin-Resource-Policy", "same-origin");
