using System.Text;
using Fairlead.Kube.Protobuf;
using Fairlead.Node.Network;
using Fairlead.Node.Runtime;
using Fairlead.Node.Runtime.Containerd;
using Fairlead.Node.Runtime.Cri;
using Xunit;

namespace Fairlead.Unit.Node.Cri;

/// <summary>Messages of CRI against their field numbers in runtime/v1/api.proto.</summary>
public sealed class CriMessageTests
{
    /// <summary>The fields of a message as text, nested ones in braces by the path of numbers given.</summary>
    private static string Show(ReadOnlySpan<byte> message, params string[] nested) => Show(message, "", nested);

    private static string Show(ReadOnlySpan<byte> message, string path, string[] nested)
    {
        var text = new StringBuilder();
        var reader = new WireReader(message);
        while (reader.Next(out var field, out var type))
        {
            var here = path.Length == 0 ? $"{field}" : $"{path}.{field}";
            text.Append(text.Length == 0 ? "" : " ").Append(field).Append(':');
            if (type == WireType.Varint) text.Append(reader.Varint());
            else if (nested.Contains(here)) text.Append('{').Append(Show(reader.Bytes(), here, nested)).Append('}');
            else text.Append(reader.Text());
        }
        return text.ToString();
    }

    [Fact]
    public void Sandbox_WithAllThatItMayHave_HasEachFieldInItsPlace()
    {
        var config = new SandboxConfig
        {
            PodUid = "u", Namespace = "ns", Name = "p", HostName = "h", HostIpc = true, SharedProcesses = true, Privileged = true,
            Ports = [new PortMapping(null, 80, 17, 8080)],
        };

        var message = SandboxMessages.Config(config, 2, "/logs", "/group", new Dictionary<string, string> { ["a"] = "b" });

        Assert.Equal(
            "1:{1:p 2:u 3:ns 4:2} 2:h 3:/logs 5:{1:1 2:8080 3:80} 6:{1:a 2:b} 8:{1:/group 2:{1:{3:2} 6:1}}",
            Show(message, "1", "5", "6", "8", "8.2", "8.2.1"));
    }

    [Theory]
    [InlineData(false, false, "1:{2:1}")]
    [InlineData(true, false, "1:{1:2 2:1}")]
    [InlineData(false, true, "1:{2:2}")]
    public void Sandbox_ByItsNamespaces_AsksForThem(bool hostNetwork, bool hostPid, string security)
    {
        var config = new SandboxConfig { PodUid = "u", Namespace = "ns", Name = "p", HostName = "h", HostNetwork = hostNetwork, HostPid = hostPid };

        var message = Show(SandboxMessages.Config(config, 0, "/l", "/g", new Dictionary<string, string>()), "8", "8.2", "8.2.1");

        Assert.Contains($"8:{{1:/g 2:{{{security}}}}}", message, StringComparison.Ordinal);
        Assert.Equal(!hostNetwork, message.Contains(" 2:h ", StringComparison.Ordinal));
    }

    private static ContainerConfig Config(ContainerSecurity security) => new()
    {
        Sandbox = new PodSandbox("u", "ns", "p", "h", false, "10.0.0.1", default, true),
        Name = "c",
        Attempt = 1,
        ImageName = "i",
        Image = new Image { Id = "sha256:1", Layers = [], User = "app" },
        Command = ["run"],
        ExtraArguments = ["", "x"],
        WorkingDirectory = "",
        Security = security,
        Mounts = [new ContainerMount("/from", "/to", true, "rslave")],
        Resources = new ContainerResources { CpuShares = 100, CpuQuota = 50_000, Memory = 1024, OomScoreAdjustment = -5 },
        Variables = [new("A", "b"), new("EMPTY", "")],
    };

    [Fact]
    public void Container_WithAllThatItMayHave_HasEachFieldInItsPlace()
    {
        var security = new ContainerSecurity { User = "1000", Group = 3000, Groups = [7], NoNewPrivileges = true, DroppedCapabilities = ["ALL"], UnmaskedProc = true, SeccompDefault = true };

        var message = ContainerRequest.Write("sandbox", [], Config(security), new ContainerPlaces("sha256:1", null, null, "c/1.log", new Dictionary<string, string>()));

        Assert.Equal(
            "1:sandbox 2:{1:{1:c 2:1} 2:{1:sha256:1} 3:run 4: 4:x 6:{1:A 2:b} 6:{1:EMPTY} 7:{1:/to 2:/from 3:1 5:1} 11:c/1.log "
            + $"15:{{1:{{1:100000 2:50000 3:100 4:1024 5:{ulong.MaxValue - 4}}} 2:{{1:{{2:ALL}} 3:{{2:1}} 8:7 5:{{1:1000}} 12:{{1:3000}} 11:1 15:{{}}}}}}}} 3:",
            Show(message, "2", "2.1", "2.2", "2.6", "2.7", "2.15", "2.15.1", "2.15.2", "2.15.2.1", "2.15.2.3", "2.15.2.5", "2.15.2.12", "2.15.2.15"));
    }

    [Theory]
    // Of the pod and the image as one; the pod's group; what the runtime is told. The image's own user is the runtime's to look up.
    [InlineData("app", null, "")]
    [InlineData("", null, "5:{}")]
    [InlineData("0", null, "5:{}")]
    [InlineData("daemon", null, "6:daemon")]
    [InlineData("12:34", null, "5:{1:12} 12:{1:34}")]
    [InlineData("app", 5, "6:app 12:{1:5}")]
    public void Container_ByItsUser_TellsTheRuntime(string user, int? group, string told)
    {
        var config = Config(new ContainerSecurity { User = user, Group = (uint?)group, Privileged = true });

        var message = Show(ContainerRequest.Write("s", [], config, new ContainerPlaces("i", null, null, "l", new Dictionary<string, string>())), "2", "2.15", "2.15.2", "2.15.2.3", "2.15.2.5", "2.15.2.12", "2.15.2.15");

        Assert.Contains($"2:1 3:{{2:1}} {(told.Length == 0 ? "" : told + " ")}15:{{1:1}}", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Status_OfAnEndedContainer_IsReadWithItsTimes()
    {
        var answer = WireMessage.Write(message => message.Message(1, status =>
        {
            status.Text(1, "id");
            status.Number(3, 2);
            status.Number(5, 1_000_000_000);
            status.Number(6, 2_500_000_000);
            status.Number(7, 137);
            status.Text(10, "OOMKilled");
            status.Text(99, "of a later version");
        }));

        var read = ContainerMessages.ReadStatus(answer);

        Assert.Equal(new CriContainerStatus(ContainerPhase.Exited, DateTimeOffset.UnixEpoch.AddSeconds(1), DateTimeOffset.UnixEpoch.AddSeconds(2.5), 137, "OOMKilled", ""), read);
    }

    [Theory]
    [InlineData("""{"metadata":{},"status":"Success"}""", 0)]
    [InlineData("""{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"7"}]}}""", 7)]
    public void Result_OfAnExec_IsItsCode(string json, int code) => Assert.Equal(code, CriSession.Parse(Encoding.UTF8.GetBytes(json)));

    [Theory]
    [InlineData("", "the runtime's streams ended without a result")]
    [InlineData("""{"status":"Failure","message":"Internal error occurred: error executing command in container: failed to exec in container: no such file"}""", "no such file")]
    public void Result_WithoutACode_IsAFailureInItsWords(string json, string why) =>
        Assert.Equal(why, Assert.Throws<RuntimeException>(() => CriSession.Parse(Encoding.UTF8.GetBytes(json))).Message);

    [Fact]
    public async Task SandboxImage_MadeTwice_IsTheSameAndItsProgramWaits()
    {
        Assert.Equal(BuiltInImages.Sandbox().Id, BuiltInImages.Sandbox().Id);
        var file = Path.GetTempFileName();
        await File.WriteAllBytesAsync(file, PauseProgram.Build());
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute);

        using var program = System.Diagnostics.Process.Start(file);
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await program.WaitForExitAsync(patience.Token).ContinueWith(_ => { }, TaskScheduler.Default);
        var waits = !program.HasExited;
        program.Kill();
        await program.WaitForExitAsync(TestContext.Current.CancellationToken);
        File.Delete(file);

        Assert.True(waits);
    }
}
