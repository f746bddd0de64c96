using System.Net;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using Fairlead.Linux.Syscalls;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux.Namespaces;

/// <summary>
/// An open network namespace. Work inside it runs on a thread of its own that enters the namespace and then ends, so that
/// no thread of the pool is ever left in a foreign namespace. What is opened inside (sockets) stays inside for its life.
/// </summary>
public sealed partial class NetworkNamespace : IDisposable
{
    private const int StackBytes = 1024 * 1024;

    private NetworkNamespace(SafeFileHandle handle) => Handle = handle;

    /// <summary>The descriptor, for requests that name a namespace by it.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Opens the namespace that a path holds (/run/netns/name, /proc/PID/ns/net).</summary>
    /// <exception cref="LinuxException">NoEntry when the path or the process is gone.</exception>
    public static NetworkNamespace Open(string path)
    {
        const int ReadOnlyCloseOnExec = Libc.CloseOnExec;
        int descriptor = Libc.Open(path, ReadOnlyCloseOnExec, 0);
        return descriptor < 0
            ? throw LinuxException.Last($"open namespace {path}")
            : new NetworkNamespace(new SafeFileHandle(descriptor, ownsHandle: true));
    }

    /// <summary>The calling thread's own namespace.</summary>
    public static NetworkNamespace OpenCurrent() => Open("/proc/thread-self/ns/net");

    /// <summary>The namespace of a process.</summary>
    public static NetworkNamespace OpenProcess(int processId) => Open($"/proc/{processId}/ns/net");

    /// <summary>Runs synchronous work inside the namespace at a path.</summary>
    public static T Run<T>(string path, Func<T> work)
    {
        using NetworkNamespace opened = Open(path);
        return opened.Run(work);
    }

    /// <summary>Runs synchronous work inside the namespace at a path.</summary>
    public static void Run(string path, Action work) => Run(path, () => Nothing(work));

    /// <summary>Runs synchronous work inside the namespace. It must not await: what follows an await runs elsewhere.</summary>
    public T Run<T>(Func<T> work)
    {
        T result = default!;
        OnFreshThread(() =>
        {
            if (Libc.SetNamespace(Handle, Libc.NewNetwork) < 0)
            {
                throw LinuxException.Last("enter network namespace");
            }
            result = work();
        });
        return result;
    }

    /// <summary>Runs synchronous work inside the namespace.</summary>
    public void Run(Action work) => Run(() => Nothing(work));

    /// <summary>A socket that lives in the namespace; connecting, sending and awaiting it happen wherever the caller is.</summary>
    public Socket CreateSocket(AddressFamily family, SocketType type, ProtocolType protocol) =>
        Run(() => new Socket(family, type, protocol));

    /// <summary>Opens a TCP connection out of the namespace.</summary>
    public async Task<Socket> ConnectTcpAsync(IPEndPoint target, CancellationToken cancellation)
    {
        Socket socket = CreateSocket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.NoDelay = true;
            await socket.ConnectAsync(target, cancellation).ConfigureAwait(false);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>A listening TCP socket inside the namespace.</summary>
    public Socket ListenTcp(IPEndPoint local, int backlog = 512) => Run(() =>
    {
        var socket = new Socket(local.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(local);
            socket.Listen(backlog);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    });

    /// <summary>Closes the descriptor; the namespace lives as long as something holds it.</summary>
    public void Dispose() => Handle.Dispose();

    private static bool Nothing(Action work)
    {
        work();
        return true;
    }

    internal static void OnFreshThread(Action work)
    {
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(
            () =>
            {
#pragma warning disable CA1031 // It is thrown again on the caller's thread.
                try
                {
                    work();
                }
                catch (Exception exception)
                {
                    failure = ExceptionDispatchInfo.Capture(exception);
                }
#pragma warning restore CA1031
            },
            StackBytes)
        {
            IsBackground = true,
            Name = "namespace",
        };
        thread.Start();
        thread.Join();
        failure?.Throw();
    }
}
