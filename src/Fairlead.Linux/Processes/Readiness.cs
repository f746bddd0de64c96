using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Fairlead.Linux.Syscalls;

namespace Fairlead.Linux.Processes;

/// <summary>
/// Waits for descriptors that .NET cannot wait for itself (pidfd, terminals, netlink), all on one thread in epoll_wait(2).
/// One waiter per descriptor and direction pair at a time.
/// </summary>
internal static class Readiness
{
    private static readonly Lazy<Poller> s_poller = new(() => new Poller());

    internal static Task WaitReadableAsync(SafeHandle handle, CancellationToken cancellation) =>
        s_poller.Value.WaitAsync(handle, Libc.EpollIn, cancellation);

    internal static Task WaitWritableAsync(SafeHandle handle, CancellationToken cancellation) =>
        s_poller.Value.WaitAsync(handle, Libc.EpollOut, cancellation);

    private sealed class Poller
    {
        // struct epoll_event is packed on x86-64 only (sys/epoll.h, __EPOLL_PACKED).
        private static readonly int s_dataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
        private static readonly int s_eventSize = s_dataOffset + 8;
        private readonly ConcurrentDictionary<long, TaskCompletionSource> _waiters = new();
        private readonly int _epoll;
        private long _next;

        internal Poller()
        {
            _epoll = Libc.EpollCreate(Libc.CloseOnExec);
            if (_epoll < 0)
            {
                throw LinuxException.Last("create epoll");
            }
            new Thread(Loop, 128 * 1024) { IsBackground = true, Name = "readiness" }.Start();
        }

        internal async Task WaitAsync(SafeHandle handle, int events, CancellationToken cancellation)
        {
            cancellation.ThrowIfCancellationRequested();
            // A duplicate of the descriptor lets two waiters (read and write) watch one file: epoll keys by descriptor.
            int copy = Libc.DescriptorControl(handle, DuplicateCloseOnExec, 0);
            if (copy < 0)
            {
                throw LinuxException.Last("duplicate descriptor");
            }
            using var owned = new Microsoft.Win32.SafeHandles.SafeFileHandle(copy, ownsHandle: true);
            long id = Interlocked.Increment(ref _next);
            var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiters[id] = waiter;
            try
            {
                Control(Libc.EpollAdd, copy, (uint)events | Libc.EpollOneShot, id);
                using (cancellation.UnsafeRegister(static (state, token) => ((TaskCompletionSource)state!).TrySetCanceled(token), waiter))
                {
                    await waiter.Task.ConfigureAwait(false);
                }
            }
            finally
            {
                _waiters.TryRemove(id, out _);
                Control(Libc.EpollDelete, copy, 0, id);
            }
        }

        private const int DuplicateCloseOnExec = 1030;

        private unsafe void Control(int operation, int descriptor, uint events, long id)
        {
            byte* polled = stackalloc byte[16];
            *(uint*)polled = events;
            *(long*)(polled + s_dataOffset) = id;
            if (Libc.EpollControl(_epoll, operation, descriptor, polled) < 0 && operation == Libc.EpollAdd)
            {
                throw LinuxException.Last("watch descriptor");
            }
        }

        private unsafe void Loop()
        {
            const int Batch = 64;
            byte* polled = stackalloc byte[Batch * 16];
            while (true)
            {
                int count = Libc.EpollWait(_epoll, polled, Batch, -1);
                for (int index = 0; index < count; index++)
                {
                    if (_waiters.TryGetValue(*(long*)(polled + (index * s_eventSize) + s_dataOffset), out TaskCompletionSource? waiter))
                    {
                        waiter.TrySetResult();
                    }
                }
            }
        }
    }
}
