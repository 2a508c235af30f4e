//! The forward pass of BERT: token numbers in, one vector for each token out.
//!
//! Devlin and others, 2018; the names of tensors are those of Hugging Face's `transformers`.

use candle_core::{Device, Result, Tensor};
use candle_nn::{LayerNorm, Linear, Module, VarBuilder, linear, ops::softmax_last_dim};
use serde::Deserialize;

/// What `config.json` says of a model.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Shape {
    /// Which architecture; `bert` is this one.
    pub(super) model_type: String,
    pub(super) hidden_size: usize,
    num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    intermediate_size: usize,
    pub(super) vocab_size: usize,
    pub(super) max_position_embeddings: usize,
    type_vocab_size: usize,
    layer_norm_eps: f64,
    /// The activation between the two layers of the feed-forward part.
    #[serde(default = "gelu")]
    pub(super) hidden_act: String,
    /// How places are told; `absolute` is what this program computes.
    #[serde(default = "absolute")]
    pub(super) position_embedding_type: String,
}

fn gelu() -> String {
    "gelu".to_owned()
}

fn absolute() -> String {
    "absolute".to_owned()
}

/// A model in memory.
pub(super) struct Bert {
    words: Tensor,
    positions: Tensor,
    /// The vector of the only segment.
    segment: Tensor,
    norm: LayerNorm,
    layers: Vec<Layer>,
}

impl Bert {
    /// Takes the tensors out of a file; some files have them below `bert.`.
    pub(super) fn load(tensors: &VarBuilder<'_>, shape: &Shape) -> Result<Self> {
        let prefixed = tensors.contains_tensor("bert.embeddings.word_embeddings.weight");
        let tensors = match prefixed {
            true => tensors.pp("bert"),
            false => tensors.clone(),
        };
        let width = shape.hidden_size;
        let embeddings = tensors.pp("embeddings");
        let table = |name: &str, rows| embeddings.pp(name).get((rows, width), "weight");
        let layer = |number| Layer::load(&tensors.pp(format!("encoder.layer.{number}")), shape);
        Ok(Self {
            words: table("word_embeddings", shape.vocab_size)?,
            positions: table("position_embeddings", shape.max_position_embeddings)?,
            segment: table("token_type_embeddings", shape.type_vocab_size)?.get(0)?,
            norm: norm(&embeddings, shape)?,
            layers: (0..shape.num_hidden_layers)
                .map(layer)
                .collect::<Result<_>>()?,
        })
    }

    /// The vectors of the tokens (texts, tokens, dimensions). `tokens` and `mask` are of texts by tokens; the mask has 1
    /// for a token, 0 for what only fills up the row.
    pub(super) fn forward(&self, tokens: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let (texts, length) = tokens.dims2()?;
        let words = self.words.index_select(&tokens.flatten_all()?, 0)?;
        let words = words.reshape((texts, length, ()))?;
        let places = self.positions.narrow(0, 0, length)?;
        let vectors = words.broadcast_add(&places)?.broadcast_add(&self.segment)?;
        // What fills up is as good as never looked at.
        let hidden = ((mask.reshape((texts, 1, 1, length))? - 1.0)? * 1e9)?;
        let first = self.norm.forward(&vectors)?;
        self.layers
            .iter()
            .try_fold(first, |vectors, layer| layer.forward(&vectors, &hidden))
    }
}

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    mixed: Linear,
    attention_norm: LayerNorm,
    inner: Linear,
    outer: Linear,
    norm: LayerNorm,
    heads: usize,
}

impl Layer {
    fn load(tensors: &VarBuilder<'_>, shape: &Shape) -> Result<Self> {
        let (width, inner) = (shape.hidden_size, shape.intermediate_size);
        let attention = |name: &str| linear(width, width, tensors.pp("attention").pp(name));
        Ok(Self {
            query: attention("self.query")?,
            key: attention("self.key")?,
            value: attention("self.value")?,
            mixed: attention("output.dense")?,
            attention_norm: norm(&tensors.pp("attention.output"), shape)?,
            inner: linear(width, inner, tensors.pp("intermediate.dense"))?,
            outer: linear(inner, width, tensors.pp("output.dense"))?,
            norm: norm(&tensors.pp("output"), shape)?,
            heads: shape.num_attention_heads,
        })
    }

    fn forward(&self, vectors: &Tensor, hidden: &Tensor) -> Result<Tensor> {
        let attended = self.mixed.forward(&self.attend(vectors, hidden)?)?;
        let vectors = self.attention_norm.forward(&(vectors + attended)?)?;
        let inner = self.inner.forward(&vectors)?.gelu_erf()?;
        self.norm
            .forward(&(&vectors + self.outer.forward(&inner)?)?)
    }

    fn attend(&self, vectors: &Tensor, hidden: &Tensor) -> Result<Tensor> {
        let (texts, length, width) = vectors.dims3()?;
        let by_head = |part: &Linear| {
            part.forward(vectors)?
                .reshape((texts, length, self.heads, width / self.heads))?
                .transpose(1, 2)?
                .contiguous()
        };
        #[allow(clippy::cast_precision_loss, reason = "a width of some hundred")]
        let scale = 1.0 / ((width / self.heads) as f64).sqrt();
        let keys = by_head(&self.key)?.transpose(2, 3)?;
        let scores = (by_head(&self.query)?.matmul(&keys)? * scale)?.broadcast_add(hidden)?;
        softmax_last_dim(&scores)?
            .matmul(&by_head(&self.value)?)?
            .transpose(1, 2)?
            .reshape((texts, length, width))
    }
}

fn norm(tensors: &VarBuilder<'_>, shape: &Shape) -> Result<LayerNorm> {
    candle_nn::layer_norm(
        shape.hidden_size,
        shape.layer_norm_eps,
        tensors.pp("LayerNorm"),
    )
}

/// Rows of token numbers, filled up with `padding` to one length, and which of them are tokens.
pub(super) fn batch(rows: &[&[u32]], padding: u32) -> Result<(Tensor, Tensor)> {
    let length = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let mut tokens = Vec::with_capacity(rows.len() * length);
    let mut mask: Vec<f32> = Vec::with_capacity(rows.len() * length);
    for (row, end) in rows.iter().zip((1..).map(|number| number * length)) {
        tokens.extend_from_slice(row);
        mask.resize(tokens.len(), 1.0);
        tokens.resize(end, padding);
        mask.resize(end, 0.0);
    }
    let shape = (rows.len(), length);
    let tokens = Tensor::from_vec(tokens, shape, &Device::Cpu)?;
    Ok((tokens, Tensor::from_vec(mask, shape, &Device::Cpu)?))
}
