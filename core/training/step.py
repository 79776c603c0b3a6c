"""What is compiled: the steps that train a network, many in one call, and its evaluation."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from core import models
from core.config import TrainingConfig
from core.training.images import TrainingImages

AVERAGED = 500  # steps: how far back a running average of the weights reaches
EVALUATED_AT_ONCE = 1000  # images


class Network:
    """A network in training: `trained` is what the steps change, `model` what is tested and saved.

    They are one, except where the architecture averages: then `model` holds the running average of the weights.
    """

    def __init__(self, config: TrainingConfig) -> None:
        self.trained = models.build(config)
        self.model = models.build(config) if config.info.averages else self.trained
        self.averages: list[tuple[keras.Variable, keras.Variable]] = []  # each average with its weight
        if config.info.averages:
            self.averages = list(zip(self.model.weights, self.trained.weights, strict=True))
        self._hidden = keras.Model(self.model.inputs, models.output_layer(self.model).input)

    def weights(self) -> list[keras.Variable]:
        """The weights that are trained, and the state of random layers: what another run can start from."""
        return self.trained.trainable_variables + self.trained.non_trainable_variables

    def variables(self) -> list[keras.Variable]:
        """All that a checkpoint holds: `weights()`, the optimizer's state, and the averages where there are any."""
        return self.weights() + self.trained.optimizer.variables + [average for average, _ in self.averages]

    def reset_averages(self) -> None:
        """Let the averages begin with the weights of this moment."""
        for average, weight in self.averages:
            average.assign(weight)

    def update_averages(self) -> None:
        """Move the averages towards the weights, after each step: less and less, in the end by a 500th."""
        part = tf.maximum(1 / AVERAGED, 10 / (10 + tf.cast(self.trained.optimizer.iterations, tf.float32)))
        for average, weight in self.averages:
            average.assign_add(part * (weight - average))

    def evaluate(self, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities float32 (n, classes) and losses float32 (n,) of uint8 (n, 28, 28), n > 0, dropout off."""
        parts = []
        for at in range(0, len(images), EVALUATED_AT_ONCE):
            part = slice(at, at + EVALUATED_AT_ONCE)
            parts.append(self._evaluate_batch(tf.constant(images[part]), tf.constant(labels[part].astype(np.int32))))
        probabilities, losses = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return probabilities, losses

    @tf.function(reduce_retracing=True)
    def _evaluate_batch(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        output = models.output_layer(self.model)
        logits = keras.ops.matmul(self._hidden(images, training=False), output.kernel) + output.bias
        losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        return keras.ops.softmax(logits), losses


class Steps:
    """The steps of a network over its training images, compiled: many in one call.

    Dense networks go through XLA, which makes one machine program of a call; on pictures it is slower.

    Args:
        network: what is trained.
        images: the training images.
        labels: uint8 (n,).
        config: the batch size, and whether the network works on pictures.
    """

    def __init__(self, network: Network, images: TrainingImages, labels: np.ndarray, config: TrainingConfig) -> None:
        self._network, self._images = network, images
        self._labels = tf.constant(labels.astype(np.int32))
        self._batch_size = config.batch_size
        self._whole, self._rest = divmod(len(labels), config.batch_size)
        self._compiled = not config.layers.sees_pictures  # by XLA
        self._train = tf.function(self._train_batches, jit_compile=self._compiled or None)

    def train(self, order: np.ndarray, rates: np.ndarray, first: int, last: int, loss_sum: float) -> tuple[float, int]:
        """Train the epoch's batches from `first` to before `last`; the epoch's last one may be smaller.

        Args:
            order: int32 (n,), the order of the images in this epoch.
            rates: float (steps,), the learning rate of each step of this epoch.
            first: number of a batch in this epoch, from 0.
            last: number of the batch to end before.
            loss_sum: Σ loss of this epoch's images so far; each batch is added to it, so that an epoch's loss does not
                depend on which batches were trained in one call.

        Returns:
            Σ loss of this epoch's images, and how many of the images just trained were predicted right.
        """
        whole, correct = min(last, self._whole), 0
        for begin, end, size in ((first, whole, self._batch_size), (max(first, whole), last, self._rest)):
            if begin < end:
                loss_sum, right = self._call(order, rates, begin, end, loss_sum, size)
                correct += right
        return loss_sum, correct

    def compile(self, order: np.ndarray, rates: np.ndarray) -> None:
        """Compile for each size of batch that an epoch has, by training none; takes what `train` takes."""
        for size in [self._batch_size] * (self._whole > 0) + [self._rest] * (self._rest > 0):
            self._call(order, rates, 0, 0, 0.0, size)

    def _call(
        self, order: np.ndarray, rates: np.ndarray, first: int, last: int, loss_sum: float, size: int
    ) -> tuple[float, int]:
        loss_sum, correct = self._train(
            tf.constant(order),
            tf.constant(rates, tf.float32),
            tf.constant(first),
            tf.constant(last),
            tf.constant(loss_sum, tf.float64),
            size if self._compiled else tf.constant(size),  # XLA must know it, and makes a program for each
        )
        return float(loss_sum), int(correct)

    def _train_batches(
        self,
        order: tf.Tensor,
        rates: tf.Tensor,
        first: tf.Tensor,
        last: tf.Tensor,
        loss_sum: tf.Tensor,
        size: tf.Tensor | int,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Train batches of `size` images; returns Σ loss and Σ correct. This is what TensorFlow compiles."""
        model, optimizer = self._network.trained, self._network.trained.optimizer
        correct = tf.constant(0)
        batch = first
        while batch < last:  # not tf.range, whose bounds XLA would compile in
            chosen = tf.slice(order, [batch * self._batch_size], [size])
            labels = tf.gather(self._labels, chosen)
            images = self._images.batch(chosen, batch * self._batch_size, size)
            optimizer.learning_rate.assign(rates[batch])
            with tf.GradientTape() as tape:
                outputs = model(images, training=True)
                losses = keras.losses.sparse_categorical_crossentropy(labels, outputs)
                loss = tf.reduce_mean(losses)
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)
            self._network.update_averages()
            loss_sum += tf.cast(tf.reduce_sum(losses), tf.float64)
            # By the values before the activation, as `evaluate` counts: of two sigmoids of 1 the first would win.
            logits = getattr(outputs, "_keras_logits", outputs)
            hits = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), labels)
            correct += tf.reduce_sum(tf.cast(hits, tf.int32))
            batch += 1
        return loss_sum, correct
