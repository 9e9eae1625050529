//! How large something is, in words people read.

pub(crate) fn bytes(count: u64) -> String {
    let mut value = count;
    let mut tenths = 0;
    for unit in ["B", "KB", "MB", "GB", "TB"] {
        if value < 1024 {
            return if unit == "B" { format!("{value} B") } else { format!("{value}.{tenths} {unit}") };
        }
        tenths = (value % 1024) * 10 / 1024;
        value /= 1024;
    }
    format!("{value} PB")
}
