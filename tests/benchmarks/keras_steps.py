"""The published steps that were written for TensorFlow and Keras, in TensorFlow and Keras; milliseconds as JSON.

``published_steps.py`` rebuilds them in eager torch, which leaves out what Keras's ``predict`` and ``train_on_batch``
cost, and what ``tf.function`` saves. This needs an environment of its own, since the project does not depend on it:

    python -m venv tf && tf/bin/pip install tensorflow-cpu && tf/bin/python tests/benchmarks/keras_steps.py

Run it and ``published_steps.py`` in turns; one thread, as there.
"""

from __future__ import annotations

import json
import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
from tensorflow import keras

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

layers, rng = keras.layers, np.random.default_rng(0)


def stack(width, hidden, outputs, *, slope, norm="none", dropout=0.0, end=None):
    """Dense layers with LeakyReLU; batch norm before or after it; dropout at the end of each."""
    x = given = keras.Input((width,))
    for size in hidden:
        x = layers.Dense(size)(x)
        if norm == "before":
            x = layers.BatchNormalization(momentum=0.8)(x)
        x = layers.LeakyReLU(negative_slope=slope)(x)
        if norm == "after":
            x = layers.BatchNormalization(momentum=0.8)(x)
        if dropout:
            x = layers.Dropout(dropout)(x)
    outs = [layers.Dense(size, activation=end)(x) for size in outputs]
    return keras.Model(given, outs if len(outs) > 1 else outs[0])


def auxgan(width=1000):
    widths = (width, width, width // 4, width // 20)
    generator = stack(107, widths, [4], slope=0.2, norm="after", end="tanh")
    discriminator = stack(7, widths, [1], slope=0.2, dropout=0.2, end="sigmoid")
    regressors = [stack(1, (32, 64), [1], slope=0.2, dropout=0.2, end="relu") for _ in range(4)]
    gen_opt, dis_opt = (keras.optimizers.Adam(4e-4, beta_1=0.5, amsgrad=True) for _ in range(2))
    entropy, square = keras.losses.BinaryCrossentropy(), keras.losses.MeanSquaredError()

    def generate(rows, training):
        noise, aux = tf.random.normal((rows, 100)), tf.abs(tf.random.normal((rows, 4)))
        charge = tf.sign(tf.random.normal((rows, 1)))
        theta, theta_pt = (tf.random.uniform((rows, 1), -0.97, 0.97) for _ in range(2))
        made = generator(tf.concat([noise, aux, charge, theta, theta_pt], 1), training=training)
        r, z, pt, pz = tf.split(made, 4, 1)
        return tf.concat([charge, r, theta, z, pt, theta_pt, pz], 1), aux

    @tf.function
    def step(muons):
        rows = 50
        fakes, _ = generate(rows, False)
        labels = tf.concat([tf.zeros((rows, 1)), tf.ones((rows, 1))], 0)
        with tf.GradientTape() as of_gen, tf.GradientTape() as of_dis:
            loss_dis = entropy(labels, discriminator(tf.concat([fakes, muons], 0), training=True))
            fakes, aux = generate(rows, True)
            loss_gan = -tf.reduce_mean(tf.math.log(tf.clip_by_value(discriminator(fakes, training=False), 1e-7, 1.0)))
            pairs = zip(regressors, (1, 3, 4, 6), range(4), strict=True)
            loss_aux = sum(
                square(aux[:, k : k + 1], net(fakes[:, at : at + 1], training=False)) for net, at, k in pairs
            )
            loss_gen = loss_aux + 10 * loss_gan
        gen, dis = generator.trainable_variables, discriminator.trainable_variables
        gradients = of_gen.gradient(loss_gen, gen), of_dis.gradient(loss_dis, dis)
        gen_opt.apply_gradients(zip(gradients[0], gen, strict=True))
        dis_opt.apply_gradients(zip(gradients[1], dis, strict=True))
        return loss_gen, loss_dis, loss_aux, loss_gan

    muons = rng.uniform(-1, 1, (50, 7)).astype(np.float32)
    return lambda: [float(each) for each in step(muons)]


def aux_aae():
    encoder = stack(4, (1000, 1000), [4], slope=0.3, dropout=0.2, end="relu")
    decoder = stack(4, (1000, 1000), [4], slope=0.3, dropout=0.2, end="relu")
    discriminator = stack(4, (1000, 1000), [1], slope=0.3, dropout=0.2, end="sigmoid")
    gen_opt, dis_opt = keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4)
    entropy, square = keras.losses.BinaryCrossentropy(), keras.losses.MeanSquaredError()

    @tf.function
    def step(aux):
        first, second = aux[:50], aux[50:]
        labels = tf.concat([tf.zeros((50, 1)), tf.ones((50, 1))], 0)
        code = encoder(first, training=False)
        with tf.GradientTape() as of_gen, tf.GradientTape() as of_dis:
            draws = tf.abs(tf.random.normal((50, 4)))
            loss_dis = entropy(labels, discriminator(tf.concat([code, draws], 0), training=True))
            code = encoder(second, training=True)
            fooled = tf.clip_by_value(discriminator(code, training=False), 1e-7, 1.0)
            loss_gen = square(second, decoder(code, training=True)) - 3 * tf.reduce_mean(tf.math.log(fooled))
        gen, dis = encoder.trainable_variables + decoder.trainable_variables, discriminator.trainable_variables
        gradients = of_gen.gradient(loss_gen, gen), of_dis.gradient(loss_dis, dis)
        gen_opt.apply_gradients(zip(gradients[0], gen, strict=True))
        dis_opt.apply_gradients(zip(gradients[1], dis, strict=True))

    aux = np.abs(rng.normal(size=(100, 4))).astype(np.float32)
    return lambda: step(aux)


def boost_vae(rows=512):
    hidden = (250, 500, 500, 250)
    encoder = stack(6, hidden, [4, 4], slope=0.2, norm="before")
    decoder = stack(4, hidden, [6], slope=0.2, norm="before", end="tanh")
    optimizer = keras.optimizers.Adam(4e-4, beta_1=0.5, amsgrad=True)

    @tf.function
    def step(muons):
        with tf.GradientTape() as tape:
            mean, logvar = encoder(muons, training=True)
            recon = decoder(mean + tf.exp(logvar / 2) * tf.random.normal(tf.shape(mean)), training=True)
            loss_recon = tf.reduce_mean(tf.square(muons - recon))
            kld = tf.reduce_mean(-0.5 * tf.reduce_sum(1 + logvar - tf.square(mean) - tf.exp(logvar), -1))
            loss = loss_recon + 1e-4 * kld
        known = encoder.trainable_variables + decoder.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, known), known, strict=True))
        return kld, loss_recon

    muons = rng.uniform(-1, 1, (rows, 6)).astype(np.float32)
    return lambda: [float(each) for each in step(muons)]


class Draw(layers.Layer):
    """A code of each row."""

    def call(self, given):
        mean, logvar = given
        return mean + tf.exp(logvar / 2) * tf.random.normal(tf.shape(mean))


def mlp_aae(rows=32):
    """``predict`` for the codes, ``train_on_batch`` three times, as the published loop calls them."""
    trunk = stack(784, (512, 512), [10, 10], slope=0.2)
    image = keras.Input((784,))
    encoder = keras.Model(image, Draw()(trunk(image)))
    decoder = stack(10, (512, 512), [784], slope=0.2, end="tanh")
    critic = stack(10, (512, 256), [1], slope=0.2, end="sigmoid")
    critic.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(2e-4, 0.5), metrics=["accuracy"])
    code = encoder(image)
    both = keras.Model(image, [decoder(code), critic(code)])
    losses = ["mse", "binary_crossentropy"]
    both.compile(loss=losses, loss_weights=[0.999, 0.001], optimizer=keras.optimizers.Adam(2e-4, 0.5))
    images = rng.uniform(-1, 1, (rows, 784)).astype(np.float32)
    real, fake = np.ones((rows, 1)), np.zeros((rows, 1))

    # Keras 3 looks at `trainable` when it traces a step; the published code's Keras looked when it compiled.
    critic.train_on_batch(rng.normal(size=(rows, 10)), real)
    critic.trainable = False
    both.train_on_batch(images, [images, real])

    def step():
        codes = encoder.predict(images, verbose=0)
        critic.train_on_batch(rng.normal(size=(rows, 10)), real)
        critic.train_on_batch(codes, fake)
        both.train_on_batch(images, [images, real])

    return step


STEPS = {
    "auxgan": auxgan,
    "auxgan, width 128": lambda: auxgan(128),
    "aux_aae": aux_aae,
    "boost_vae 512": boost_vae,
    "boost_vae 50": lambda: boost_vae(50),
    "mlp_aae 32": mlp_aae,
    "mlp_aae 128": lambda: mlp_aae(128),
}


def measure(step, seconds=3.0):
    """Median milliseconds of a step by the clock, and their mean by the CPU."""
    for _ in range(20):  # traces, and warms up
        step()
    taken, began, cpu = [], time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        started = time.perf_counter()
        step()
        taken.append(time.perf_counter() - started)
    return {"wall_ms": 1e3 * float(np.median(taken)), "cpu_ms": 1e3 * (time.process_time() - cpu) / len(taken)}


if __name__ == "__main__":
    chosen = sys.argv[1:] or STEPS
    found = {name: measure(STEPS[name]()) for name in chosen}
    json.dump({"tensorflow": tf.__version__, **found}, sys.stdout, indent=2)
    print()
