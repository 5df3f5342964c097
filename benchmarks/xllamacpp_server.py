"""xllamacpp as a server: MODEL PORT THREADS SLOTS CONTEXT_LENGTH. Run by its own environment."""

import signal
import sys

import xllamacpp


def main() -> None:
    model, *numbers = sys.argv[1:]
    port, threads, slots, context_length = map(int, numbers)
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames, params.port = ["127.0.0.1"], port
    params.n_parallel, params.n_ctx = slots, slots * context_length
    params.n_batch, params.n_ubatch, params.cont_batching = 2048, 512, True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
