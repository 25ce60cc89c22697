//! Binary floats to exact decimals and back, in integers only.
//!
//! A float is `mantissa × 2^exponent`; a decimal of so many places is a count of `10^-places`.
//! Going from one to the other is one multiplication and one shift of whole numbers, so the only
//! rounding is the one asked for (half to even), and it happens once.

/// The two IEEE 754 formats that meters use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FloatFormat {
    Single,
    Double,
}

impl FloatFormat {
    /// Stored bits of the mantissa, and of the whole number.
    fn widths(self) -> (u32, u32) {
        match self {
            Self::Single => (23, 32),
            Self::Double => (52, 64),
        }
    }

    /// The exponent of the last mantissa bit where the exponent field is 1 (and for subnormals).
    fn lowest_exponent(self) -> i32 {
        match self {
            Self::Single => -149,
            Self::Double => -1074,
        }
    }

    /// A quiet NaN, in the form Schneider's meters send.
    pub(crate) fn not_a_number(self) -> u64 {
        match self {
            Self::Single => 0xFFC0_0000,
            Self::Double => 0xFFF8_0000_0000_0000,
        }
    }
}

/// `mantissa × 2^exponent`, with its sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Binary {
    negative: bool,
    mantissa: u64,
    exponent: i32,
}

/// A decimal, and whether the float's own step there is larger than its last digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rounded {
    pub(crate) digits: i64,
    pub(crate) coarse: bool,
}

impl Binary {
    /// Takes a float apart; `None` for NaN and the infinities.
    pub(crate) fn from_bits(bits: u64, format: FloatFormat) -> Option<Self> {
        let (stored, width) = format.widths();
        let fields = width - 1 - stored;
        let fraction = bits & ((1 << stored) - 1);
        let field = bits >> stored & ((1 << fields) - 1);
        if field == (1 << fields) - 1 {
            return None;
        }
        let (mantissa, steps) = match field {
            0 => (fraction, 0),
            _ => (fraction | 1 << stored, field - 1),
        };
        Some(Self {
            negative: bits >> (width - 1) & 1 == 1,
            mantissa,
            exponent: format.lowest_exponent() + i32::try_from(steps).ok()?,
        })
    }

    /// The decimal of `places` places next to it, ties to the even digit; `None` beyond `i64`.
    pub(crate) fn to_decimal(self, places: u8) -> Option<Rounded> {
        let tens = 10_u128.checked_pow(u32::from(places))?;
        let product = u128::from(self.mantissa).checked_mul(tens)?;
        let shift = self.exponent.unsigned_abs();
        let magnitude = if product == 0 {
            0
        } else if self.exponent >= 0 {
            let fits = shift <= product.leading_zeros();
            fits.then(|| product << shift)?
        } else {
            shift_right_even(product, shift)
        };
        let coarse = if self.exponent >= 0 {
            shift > 0 || places > 0
        } else {
            1_u128.checked_shl(shift).is_some_and(|step| tens > step)
        };
        let magnitude = i128::try_from(magnitude).ok()?;
        let signed = if self.negative { -magnitude } else { magnitude };
        let digits = i64::try_from(signed).ok()?;
        Some(Rounded { digits, coarse })
    }
}

/// The float next to `digits × 10^-places`, ties to the even mantissa.
pub(crate) fn float_bits(digits: i64, places: u8, format: FloatFormat) -> u64 {
    let (stored, width) = format.widths();
    let sign = u64::from(digits < 0) << (width - 1);
    let magnitude = u128::from(digits.unsigned_abs());
    let tens = 10_u128.saturating_pow(u32::from(places));
    if magnitude == 0 {
        return sign;
    }
    // The quotient must have stored + 1 bits; its length is that of the numbers' difference, or one less.
    let bits = |number: u128| 128 - i64::from(number.leading_zeros());
    let mut raise = i64::from(stored) + 1 - (bits(magnitude) - bits(tens));
    let mut mantissa = scaled_quotient(magnitude, tens, raise);
    if mantissa >> (stored + 1) != 0 {
        raise -= 1;
        mantissa = scaled_quotient(magnitude, tens, raise);
    }
    if mantissa >> (stored + 1) != 0 {
        // Rounding up carried into the next power of two.
        mantissa >>= 1;
        raise -= 1;
    }
    // The last bit is worth 2^-raise; with nine places that is far above the subnormals.
    let steps = -raise - i64::from(format.lowest_exponent());
    let field = u64::try_from(steps).unwrap_or_default() + 1;
    let fraction = u64::try_from(mantissa & ((1 << stored) - 1)).unwrap_or_default();
    sign | field << stored | fraction
}

/// `number × 2^raise / divisor`, rounded half to even.
fn scaled_quotient(number: u128, divisor: u128, raise: i64) -> u128 {
    let shift = u32::try_from(raise.unsigned_abs()).unwrap_or(u32::MAX);
    let (above, below) = if raise >= 0 {
        (number.checked_shl(shift), Some(divisor))
    } else {
        (Some(number), divisor.checked_shl(shift))
    };
    divide_even(above.unwrap_or(0), below.unwrap_or(1))
}

/// Division of whole numbers, rounded half to even.
pub(crate) fn divide_even(number: u128, divisor: u128) -> u128 {
    let (quotient, rest) = (number / divisor, number % divisor);
    let up = match rest.cmp(&(divisor - rest)) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient % 2 == 1,
        std::cmp::Ordering::Greater => true,
    };
    quotient + u128::from(up)
}

fn shift_right_even(number: u128, shift: u32) -> u128 {
    match 1_u128.checked_shl(shift) {
        Some(divisor) => divide_even(number, divisor),
        // 2^128 and more: no product here comes near half of it.
        None => 0,
    }
}

#[cfg(test)]
mod tests;
