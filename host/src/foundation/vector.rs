//! Vectors as they are stored and compared: 8 bits a component and one scale, a quarter of the size of floats.
//!
//! The stored form is the scale (a little-endian `f32`) and then a signed byte for each component. The cosine of
//! two vectors of length one is off by less than 0.005 for it, which `tests` hold.

/// Bytes before the components.
const SCALE_BYTES: usize = 4;

/// Makes a vector one long; a vector of zeros stays.
pub fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
}

/// The stored form.
pub fn to_bytes(vector: &[f32]) -> Vec<u8> {
    let largest = vector
        .iter()
        .fold(0.0_f32, |largest, x| largest.max(x.abs()));
    let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
    let mut bytes = Vec::with_capacity(SCALE_BYTES + vector.len());
    bytes.extend_from_slice(&scale.to_le_bytes());
    bytes.extend(vector.iter().map(|x| component((x / scale).round())));
    bytes
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between -127 and 127 by the choice of the scale"
)]
fn component(x: f32) -> u8 {
    (x as i8) as u8
}

/// Scale and components of the stored form; none where there is no scale.
pub fn from_bytes(bytes: &[u8]) -> Option<(f32, &[u8])> {
    let (scale, components) = bytes.split_first_chunk::<SCALE_BYTES>()?;
    Some((f32::from_le_bytes(*scale), components))
}

/// The numbers that the components stand for.
pub fn numbers(scale: f32, components: &[u8]) -> impl Iterator<Item = f32> {
    components
        .iter()
        .map(move |byte| f32::from(byte.cast_signed()) * scale)
}

/// The sum of the products of components, each a signed byte. Written so that the compiler makes vector
/// instructions of it.
pub fn dot(a: &[u8], b: &[u8]) -> i32 {
    let signed = |byte: &u8| i32::from(i16::from(byte.cast_signed()));
    a.iter().zip(b).map(|(a, b)| signed(a) * signed(b)).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unit(values: &[f32]) -> Vec<f32> {
        let mut vector = values.to_vec();
        normalise(&mut vector);
        vector
    }

    #[test]
    fn nothing_is_stored_as_nothing() {
        let bytes = to_bytes(&[0.0, 0.0]);
        assert_eq!(from_bytes(&bytes), Some((1.0, &[0, 0][..])));
        assert_eq!(from_bytes(&[1, 2, 3]), None);
    }

    proptest! {
        #[test]
        fn cosines_survive_the_stored_form(
            a in prop::collection::vec(-1.0_f32..1.0, 256), b in prop::collection::vec(-1.0_f32..1.0, 256)
        ) {
            let (a, b) = (unit(&a), unit(&b));
            let exact: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            let (a, b) = (to_bytes(&a), to_bytes(&b));
            let ((scale_a, a), (scale_b, b)) = (from_bytes(&a).unwrap(), from_bytes(&b).unwrap());
            #[allow(clippy::cast_precision_loss, reason = "as in the search")]
            let stored = dot(a, b) as f32 * scale_a * scale_b;
            prop_assert!((exact - stored).abs() < 0.005, "{exact} {stored}");
        }
    }
}
