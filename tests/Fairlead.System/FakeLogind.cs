using System.Diagnostics;

namespace Fairlead.System;

/// <summary>A bus of the test's own, by Debian's dbus-daemon, with a systemd-logind on it that shuts nothing down; both are gone when disposed.</summary>
internal sealed class FakeLogind : IAsyncDisposable
{
    /// <summary>Where the agent configures logind.</summary>
    private const string DropIn = "/run/systemd/logind.conf.d/99-fairlead.conf";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-bus-").FullName;
    private readonly Process _bus;
    private Process? _logind;

    private FakeLogind() => _bus = Command.Start("dbus-daemon", ["--session", "--nofork", "--nopidfile", "--print-address", $"--address=unix:path={_folder}/bus"]);

    public string Address => $"unix:path={_folder}/bus";

    public static async Task<FakeLogind> StartAsync()
    {
        var fake = new FakeLogind();
        await fake._bus.StandardOutput.ReadLineAsync();
        fake._logind = Command.Start("python3", ["tests/Fairlead.System/fake-logind.py", $"{fake._folder}/bus", DropIn], input: true);
        await fake.HearsAsync("ready");
        return fake;
    }

    /// <summary>The next thing that it is asked.</summary>
    public async Task HearsAsync(string words)
    {
        using var patience = new CancellationTokenSource(Patience);
        var line = await _logind!.StandardOutput.ReadLineAsync(patience.Token);
        if (line != words) throw new InvalidOperationException($"logind was to hear \"{words}\", and heard \"{line}\"");
    }

    /// <summary>Says that a shutdown begins, or that it has been called off.</summary>
    public async Task TellAsync(bool begins)
    {
        await _logind!.StandardInput.WriteLineAsync(begins ? "shutdown" : "cancel");
        await _logind.StandardInput.FlushAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in (Process?[])[_logind, _bus])
        {
            if (process is null) continue;
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }
        Directory.Delete(_folder, recursive: true);
        File.Delete(DropIn);
        if (!Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(DropIn)!).Any()) Directory.Delete(Path.GetDirectoryName(DropIn)!);
    }
}
