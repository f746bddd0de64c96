using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Xunit;

namespace Fairlead.System;

/// <summary>`fairlead up --foreground --keep`, as the systemd unit runs it.</summary>
public sealed class ForegroundTests
{
    [Fact]
    public async Task Cluster_InTheForeground_TellsSystemdMendsItselfAndIsKept()
    {
        await using var own = new OwnCluster("service");
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        systemd.Bind(new UnixDomainSocketEndPoint(Path.Combine(own.Folder, "notify")));
        using var up = Start(own);
        try
        {
            Assert.StartsWith("READY=1\n", await HearAsync(systemd), StringComparison.Ordinal);
            await own.Kubectl.RunAsync("apply", "-f", "examples/kubia/");
            var pods = await own.Kubectl.WaitForReadyAsync("kubia", 3);

            // What dies is started again: an agent, then the server.
            foreach (var name in (string[])["node1", "server"])
            {
                var before = await ProcessAsync(own, name);
                await Command.RunAsync("kill", "-KILL", before.ToString(CultureInfo.InvariantCulture));
                await Until.AsyncHolds(() => ProcessAsync(own, name), pid => pid > 0 && pid != before, $"{name} runs again");
                await Until.AsyncHolds(() => Command.TryAsync(Command.Fairlead, ["status", "--name", own.Name]), status => status.Code == 0, "all is well");
            }

            await Command.RunAsync("kill", "-TERM", up.Id.ToString(CultureInfo.InvariantCulture));
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            await up.WaitForExitAsync(patience.Token);
            Assert.Equal(0, up.ExitCode);
            Assert.DoesNotContain(own.Name, await File.ReadAllTextAsync("/proc/self/mountinfo"), StringComparison.Ordinal);
            Assert.Contains("stopped", (await Command.TryAsync(Command.Fairlead, ["status", "--name", own.Name])).Output, StringComparison.Ordinal);

            // The next start goes on with the same objects.
            await own.UpAsync();
            Assert.Equal(pods, await own.Kubectl.WaitForReadyAsync("kubia", 3));
            await own.Kubectl.WaitForEndpointsAsync("kubia", 3);
            await Until.AsyncHolds(() => Doctor.AskAsync("svc/kubia", own.Kubeconfig), result => result.Code == 0, "health");
        }
        finally
        {
            up.Kill();
        }
    }

    /// <summary>Whoever stays in the foreground does not start again what `down` ends.</summary>
    [Fact]
    public async Task Down_OfAClusterInTheForeground_LeavesNothingAndEndsIt()
    {
        await using var own = new OwnCluster("front-down");
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        systemd.Bind(new UnixDomainSocketEndPoint(Path.Combine(own.Folder, "notify")));
        using var up = Start(own);
        try
        {
            await HearAsync(systemd);

            await own.DownAsync();

            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            await up.WaitForExitAsync(patience.Token);
            Assert.False(Directory.Exists($"/run/fairlead/{own.Name}"));
            Assert.False(Directory.Exists($"/var/lib/fairlead/{own.Name}"));
        }
        finally
        {
            up.Kill();
        }
    }

    private static Process Start(OwnCluster own)
    {
        var up = Command.Start(Command.Fairlead, ["up", "--foreground", "--keep", "--name", own.Name, "--kubeconfig", own.Kubeconfig],
            new Dictionary<string, string> { ["NOTIFY_SOCKET"] = Path.Combine(own.Folder, "notify") });
        up.BeginOutputReadLine();
        up.BeginErrorReadLine();
        return up;
    }

    private static async Task<string> HearAsync(Socket systemd)
    {
        var buffer = new byte[1024];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        return Encoding.UTF8.GetString(buffer, 0, await systemd.ReceiveAsync(buffer, patience.Token));
    }

    /// <summary>0 when it does not run.</summary>
    private static async Task<int> ProcessAsync(OwnCluster own, string name)
    {
        using var status = JsonDocument.Parse((await Command.TryAsync(Command.Fairlead, ["status", "--name", own.Name, "--output", "json"])).Output);
        var process = status.RootElement.GetProperty("clusters")[0].GetProperty("processes").EnumerateArray().First(process => process.GetProperty("name").GetString() == name);
        return process.TryGetProperty("pid", out var pid) ? pid.GetInt32() : 0;
    }
}
