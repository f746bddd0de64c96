using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Xunit;

namespace Fairlead.System;

/// <summary>What was acknowledged is kept, whatever happens to the process.</summary>
public sealed class StoreTests
{
    private const string Path = "/api/v1/namespaces/default/configmaps";
    private const int Rounds = 5;
    private const int Writers = 16;

    [Fact]
    public async Task Killed_UnderManyWriters_KeepsAllThatWasAcknowledgedAndNothingHalf()
    {
        await using var server = new ServerProcess();
        var known = new ConcurrentDictionary<string, Known>();
        var acknowledged = 0;
        var latest = 0L;
        for (var round = 0; round < Rounds; round++)
        {
            await server.StartAsync();
            latest = Math.Max(latest, await CheckAsync(server, known, latest));
            var writers = Enumerable.Range(0, Writers).Select(i => new Writer(server, known, $"r{round}w{i}")).ToList();
            var work = Task.WhenAll(writers.Select(writer => writer.RunAsync()));
            await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(150, 900)), TimeProvider.System);
            await server.KillAsync();
            await work;
            acknowledged += writers.Sum(writer => writer.Acknowledged);
            latest = Math.Max(latest, writers.Max(writer => writer.Revision));
        }
        await server.StartAsync();
        await CheckAsync(server, known, latest);
        TestContext.Current.TestOutputHelper?.WriteLine($"{acknowledged} writes acknowledged over {Rounds} kills");
        Assert.True(acknowledged > Rounds * Writers, $"only {acknowledged} writes were acknowledged: the server was killed before there was load");
    }

    /// <summary>Compares what the server has with what the writers know, and answers the server's revision.</summary>
    private static async Task<long> CheckAsync(ServerProcess server, ConcurrentDictionary<string, Known> known, long latest)
    {
        var (code, list) = await server.SendAsync(HttpMethod.Get, Path);
        Assert.Equal(200, code);
        var revision = long.Parse((string)list["metadata"]!["resourceVersion"]!, CultureInfo.InvariantCulture);
        Assert.True(revision >= latest, $"the revision went back from {latest} to {revision}");
        var found = list["items"]!.AsArray().ToDictionary(item => (string)item!["metadata"]!["name"]!, item => (JsonObject)item!["data"]!);
        foreach (var (name, data) in found.Where(pair => known.ContainsKey(pair.Key)))
            Assert.Equal(Writer.Padding((string)data["value"]!), (string)data["padding"]!);
        foreach (var (name, state) in known)
        {
            var value = found.TryGetValue(name, out var data) ? (string)data["value"]! : null;
            Assert.True(value == state.Sure || (state.Asked && value == state.Perhaps),
                $"{name} is {value ?? "gone"}, acknowledged was {state.Sure ?? "gone"}{(state.Asked ? $", asked for {state.Perhaps ?? "gone"}" : "")}");
            known[name] = new Known(value, null, false);
        }
        return revision;
    }

    /// <param name="Sure">The value last acknowledged; null: the object is not there.</param>
    /// <param name="Perhaps">What was asked for and not answered: either may be found.</param>
    private sealed record Known(string? Sure, string? Perhaps, bool Asked);

    /// <summary>Creates, changes and deletes objects of its own until the server is gone.</summary>
    private sealed class Writer(ServerProcess server, ConcurrentDictionary<string, Known> known, string prefix)
    {
        public int Acknowledged { get; private set; }
        public long Revision { get; private set; }

        public static string Padding(string value) => string.Concat(Enumerable.Repeat(value + ".", 100));

        public async Task RunAsync()
        {
            try
            {
                for (var i = 0; ; i++)
                {
                    var name = $"{prefix}-{i}";
                    await WriteAsync(HttpMethod.Post, Path, name, null, "1");
                    await WriteAsync(HttpMethod.Put, $"{Path}/{name}", name, "1", "2");
                    if (i % 3 == 0) await WriteAsync(HttpMethod.Delete, $"{Path}/{name}", name, "2", null);
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                // The server is gone, which is the point.
            }
        }

        private async Task WriteAsync(HttpMethod method, string path, string name, string? before, string? after)
        {
            known[name] = new Known(before, after, true);
            var body = after is null ? null : new JsonObject
            {
                ["metadata"] = new JsonObject { ["name"] = name },
                ["data"] = new JsonObject { ["value"] = after, ["padding"] = Padding(after) },
            };
            var (code, answer) = await server.SendAsync(method, path, body);
            Assert.True(code is 200 or 201, $"{method} {path}: {answer.ToJsonString()}");
            known[name] = new Known(after, null, false);
            Acknowledged++;
            if (answer["metadata"]?["resourceVersion"] is { } version) Revision = Math.Max(Revision, long.Parse((string)version!, CultureInfo.InvariantCulture));
        }
    }
}
