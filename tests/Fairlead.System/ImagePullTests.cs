using System.Text.Json.Nodes;
using Fairlead.Unit.Node.Images;
using Xunit;

namespace Fairlead.System;

/// <summary>How the layers of an image come, and when they go again.</summary>
public sealed class ImagePullTests(Cluster cluster)
{
    private static byte[] Noise(int seed)
    {
        var bytes = new byte[1_000_000];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Serves busybox with two layers more, which no other test has.</summary>
    private static FaultyRegistry Serve(string repository, int seed, int cutAfter, bool waitsForAll)
    {
        var (one, two) = (new TestLayer().File("one", Noise(seed)).ToArray(), new TestLayer().File("two", Noise(seed + 1)).ToArray());
        var image = new TestImage(repository, new JsonObject { ["Env"] = new JsonArray("PATH=/bin", $"OWN={repository}") }, TestImage.BusyboxLayer(), one, two);
        return new FaultyRegistry(repository, image, one, two) { CutAfter = cutAfter, WaitsForAll = waitsForAll };
    }

    private async Task RunAsync(FaultyRegistry registry)
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("run", "pulls", $"--image={registry.Image}", "--restart=Never", "--", "/bin/sh", "-c", "busybox wc -c < /one; busybox wc -c < /two");
        await Until.AsyncHolds(() => kubectl.RunAsync("get", "pod", "pulls", "-o", "jsonpath={.status.phase} {.status.containerStatuses[0].state}"), state => state.StartsWith("Succeeded ", StringComparison.Ordinal), "it has run");
        Assert.Equal("1000000\n1000000", await kubectl.RunAsync("logs", "pulls"));
        await kubectl.RunAsync("delete", "pod", "pulls", "--now");
        await Until.AsyncHolds(() => Command.TryAsync(Command.Fairlead, ["image", "rm", registry.Image, "--name", cluster.Name]), removed => removed.Code == 0, "the image is not used any more");
    }

    [Fact]
    public async Task Pull_WhoseTransfersBreakOff_GoesOnWhereTheyBroke()
    {
        using var registry = Serve("broken/off", 10, cutAfter: 300_000, waitsForAll: false);
        await RunAsync(registry);
        // Each layer from its beginning once, and once from where it broke off.
        Assert.Equal([0, 0, 300_000, 300_000], registry.Starts.Order());
    }

    [Fact]
    public async Task Pull_OfSeveralLayers_AsksForAllBeforeOneHasCome()
    {
        using var registry = Serve("side/by/side", 20, cutAfter: 0, waitsForAll: true);
        await RunAsync(registry);
        Assert.Equal([0, 0], registry.Starts);
    }

    /// <summary>Any disk is fuller than its thresholds here: what no container uses goes as soon as an agent looks, which it does at its start.</summary>
    [Fact]
    public async Task Disk_AboveTheThreshold_LosesTheImagesThatNobodyUses()
    {
        await using var own = new OwnCluster("collects");
        await own.UpAsync("--image-gc-high-threshold", "1", "--image-gc-low-threshold", "0", "--minimum-image-ttl-duration", "0s");
        foreach (var name in (string[])["used:1", "unused:1"]) await ImportAsync(own, name);
        var kubectl = own.Kubectl;
        await kubectl.RunAsync("run", "user", "--image=used:1", "--", "sleep", "1000");
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/user", "--timeout=60s");
        await Processes.KillAsync(line => line.Contains("\0agent\0", StringComparison.Ordinal) && line.Contains($"\0{own.Name}\0", StringComparison.Ordinal));

        await own.UpAsync();

        await Until.AsyncHolds(() => Command.RunAsync(Command.Fairlead, "image", "ls", "--name", own.Name), list => !list.Output.Contains("unused", StringComparison.Ordinal), "the unused one is gone");
        Assert.Contains("used:1", (await Command.RunAsync(Command.Fairlead, "image", "ls", "--name", own.Name)).Output.Replace('\t', ' '), StringComparison.Ordinal);
        Assert.Equal("0", await kubectl.RunAsync("get", "pod", "user", "-o", "jsonpath={.status.containerStatuses[0].restartCount}"));
    }

    private static async Task ImportAsync(OwnCluster own, string name)
    {
        var file = $"{own.Folder}/{Guid.NewGuid():N}.tar";
        await File.WriteAllBytesAsync(file, TestImage.DockerArchive(TestImage.Busybox(name, new JsonObject { ["Env"] = new JsonArray("PATH=/bin", $"OWN={name}") })));
        await Command.RunAsync(Command.Fairlead, "image", "import", file, "--name", own.Name);
    }
}
