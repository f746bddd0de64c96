using System.Diagnostics;
using Fairlead.Linux;
using Fairlead.Linux.Processes;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Fairlead.Unit.Linux.Processes;

public sealed class ProcessTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ut-process").FullName;

    private static CancellationToken Deadline => new CancellationTokenSource(TimeSpan.FromSeconds(10)).Token;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Daemon_Started_HasOwnSessionAndLogAndLeavesNoZombie()
    {
        string log = _folder + "/log";
        int pid = Daemon.Start(new DaemonOptions
        {
            Program = "/bin/sh",
            Arguments = ["-c", "echo $FL_TEST; echo bad >&2; pwd; ps -o sid= -p $$; echo $$; read x; kill -PIPE $$; echo not here"],
            Environment = new Dictionary<string, string> { ["FL_TEST"] = "seen" },
            LogFile = log,
        });
        using ProcessHandle? handle = ProcessHandle.TryOpen(pid);
        await (handle?.WaitForExitAsync(Deadline) ?? Task.CompletedTask);
        string[] lines = (await File.ReadAllLinesAsync(log, Deadline)).Select(line => line.Trim()).ToArray();
        Assert.Equal(["seen", "bad", "/", $"{pid}", $"{pid}"], lines);
        while (Directory.Exists($"/proc/{pid}"))
        {
            Deadline.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    [Fact]
    public void Daemon_MissingProgram_ThrowsNoEntry() =>
        Assert.Equal(Errno.NoEntry, Assert.Throws<LinuxException>(() => Daemon.Start(new DaemonOptions { Program = "/nothing/here" })).Errno);

    [Fact]
    public async Task Daemon_InNamespace_IsBornThere()
    {
        using var network = new TestNamespace("daemon");
        string log = _folder + "/log";
        int pid = Daemon.Start(new DaemonOptions { Program = "/bin/readlink", Arguments = ["/proc/self/ns/net"], LogFile = log, Network = network.Network });
        using ProcessHandle? handle = ProcessHandle.TryOpen(pid);
        await (handle?.WaitForExitAsync(Deadline) ?? Task.CompletedTask);
        string expected = network.Network.Run(() => File.ResolveLinkTarget("/proc/thread-self/ns/net", false)!.Name);
        Assert.Equal(expected, (await File.ReadAllTextAsync(log, Deadline)).Trim());
    }

    [Fact]
    public async Task ProcessHandle_Signalled_CompletesTheWait()
    {
        int pid = Daemon.Start(new DaemonOptions { Program = "/bin/sleep", Arguments = ["60"] });
        using ProcessHandle handle = ProcessHandle.TryOpen(pid)!;
        Task exit = handle.WaitForExitAsync(Deadline);
        Assert.False(exit.IsCompleted);
        Assert.True(handle.TrySignal(Signal.Terminate));
        await exit;
        Assert.True(handle.HasExited);
    }

    [Fact]
    public async Task ProcessHandle_WaitCancelled_ThrowsAndProcessLives()
    {
        int pid = Daemon.Start(new DaemonOptions { Program = "/bin/sleep", Arguments = ["60"] });
        using ProcessHandle handle = ProcessHandle.TryOpen(pid)!;
        using var cancel = new CancellationTokenSource();
        Task exit = handle.WaitForExitAsync(cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => exit);
        Assert.False(handle.HasExited);
        handle.TrySignal(Signal.Kill);
        await handle.WaitForExitAsync(Deadline);
    }

    [Fact]
    public void ProcessHandle_NoSuchProcess_IsNull()
    {
        Assert.Null(ProcessHandle.TryOpen(4_000_000));
        Assert.False(ProcessHandle.TrySignal(4_000_000, Signal.Terminate));
    }

    [Fact]
    public async Task Terminal_ReadCancelled_Throws()
    {
        SafeFileHandle controlling = File.OpenHandle("/dev/ptmx", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        await using var terminal = new TerminalStream(controlling);
        terminal.Resize(132, 43);
        using var cancel = new CancellationTokenSource();
        ValueTask<int> pending = terminal.ReadAsync(new byte[16], cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await pending);
    }

    [Fact]
    public async Task DescriptorPassing_SentByAnotherProcess_IsUsable()
    {
        string path = _folder + "/console.sock";
        using var listener = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, 0);
        listener.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        const string Sender = """
            import socket, sys, os, pty
            s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
            m, t = pty.openpty()
            socket.send_fds(s, [b"pty"], [m]); os.close(m)
            os.write(t, b"hello terminal"); s.recv(1)
            """;
        using Process python = Process.Start(new ProcessStartInfo("python3", ["-c", Sender, path]))!;
        using System.Net.Sockets.Socket connection = await listener.AcceptAsync(Deadline);
        SafeFileHandle? received = await DescriptorPassing.ReceiveAsync(connection, Deadline);
        await using var terminal = new TerminalStream(received!);
        terminal.Resize(80, 25);
        byte[] text = new byte[64];
        int count = await terminal.ReadAsync(text, Deadline);
        Assert.Equal("hello terminal", System.Text.Encoding.UTF8.GetString(text, 0, count));
        connection.Dispose();
        await python.WaitForExitAsync(Deadline);
        Assert.Equal(0, await terminal.ReadAsync(text, Deadline));
    }
}
