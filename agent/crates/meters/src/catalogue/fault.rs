//! What can be wrong between registers and quantities.

/// Registers that cannot be read as a value. None of these becomes a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeFault {
    /// The caller cut the answer wrongly.
    #[error("{found} registers for a value of {expected}; read exactly the value's own span")]
    WordCount {
        /// Registers of the value.
        expected: u16,
        /// Registers given.
        found: usize,
    },
    /// The value's scale register was not read with it.
    #[error("the value's scale register is missing; read it together with the value")]
    ScaleMissing,
    /// The scale register holds no power of ten.
    #[error("{0} is no power of ten for a scale register (-10 to 10); check the model file")]
    Scale(i16),
    /// The number does not fit into 63 bits.
    #[error("the number is beyond any meter's range; check encoding and order in the model file")]
    TooLarge,
}

/// A quantity that a meter of this model could not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeFault {
    /// Another unit.
    #[error("the register has another unit; give the quantity in the register's own")]
    OtherUnit,
    /// More digits than the register's scale has.
    #[error("the quantity has digits that the register does not; round it first")]
    TooFine,
    /// Too large, or negative in an unsigned register.
    #[error("the quantity is outside the register's range; choose a smaller one")]
    OutOfRange,
    /// The number's bits are the model's pattern for "not available".
    #[error("the quantity looks like `not available` in this register; choose another")]
    Reserved,
    /// The model has no pattern for "not available".
    #[error("the register cannot say `not available`; give it a value")]
    NoPattern,
}
