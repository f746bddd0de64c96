using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Fairlead.Kube.Client;

namespace Fairlead.Bench;

/// <summary>The measurements, each with connections of its own, as separate programs would have them.</summary>
internal sealed class ApiBench : IAsyncDisposable
{
    private readonly KubeClientConfiguration _configuration;
    private readonly string _namespace = $"bench-{Environment.ProcessId}";
    private readonly HttpClient _http;
    private int _created;

    private ApiBench(KubeClientConfiguration configuration)
    {
        _configuration = configuration;
        _http = Client();
    }

    private string Path => $"/api/v1/namespaces/{_namespace}";

    public static async Task<ApiBench> StartAsync(KubeClientConfiguration configuration)
    {
        var bench = new ApiBench(configuration);
        await PostAsync(bench._http, "/api/v1/namespaces", $$"""{"metadata":{"name":"{{bench._namespace}}"} }""");
        return bench;
    }

    public async Task CreatesAsync(int clients, TimeSpan time)
    {
        var padding = new string('x', 400);
        var latencies = await RunAsync(clients, time, (http, _) =>
            PostAsync(http, Path + "/configmaps", $$"""{"metadata":{"name":"c{{Interlocked.Increment(ref _created)}}"},"data":{"k":"{{padding}}"} }"""));
        Report($"creates, {clients} clients", latencies, time);
    }

    public async Task GetsAsync(int clients, TimeSpan time)
    {
        var latencies = await RunAsync(clients, time, (http, random) => ReadAsync(http, $"{Path}/configmaps/c{random.Next(1, Math.Max(2, _created - clients))}"));
        Report($"gets, {clients} clients", latencies, time);
    }

    /// <summary>Makes the services that the list is about.</summary>
    public async Task FillAsync(int clients, int services)
    {
        var started = TimeProvider.System.GetTimestamp();
        var next = 0;
        await Task.WhenAll(Enumerable.Range(0, clients).Select(async _ =>
        {
            using var http = Client();
            while (Interlocked.Increment(ref next) is var i && i <= services)
            {
                await PostAsync(http, Path + "/services",
                    $$"""{"metadata":{"name":"s{{i}}"},"spec":{"selector":{"app":"s{{i}}"},"ports":[{"name":"http","port":80,"targetPort":8080}]} }""");
            }
        }));
        var elapsed = TimeProvider.System.GetElapsedTime(started);
        Write($"{services} services created, {clients} clients", $"{services / elapsed.TotalSeconds:F0}/s");
    }

    public async Task ListsAsync(int services, int times)
    {
        var latencies = new List<double>();
        long bytes = 0;
        for (var i = 0; i < times; i++)
        {
            var started = TimeProvider.System.GetTimestamp();
            bytes = await ReadAsync(_http, Path + "/services");
            latencies.Add(TimeProvider.System.GetElapsedTime(started).TotalMilliseconds);
        }
        latencies.Sort();
        Write($"list of {services} services ({bytes / 1024 / 1024.0:F1} MB)", $"{latencies[times / 2]:F1} ms median of {times}, {latencies[0]:F1}–{latencies[^1]:F1}");
    }

    /// <summary>The list as `kubectl get` asks for it: printed by the server, in pages of 500.</summary>
    public async Task TablesAsync(int services, int times)
    {
        var latencies = new List<double>();
        for (var i = 0; i < times; i++)
        {
            var started = TimeProvider.System.GetTimestamp();
            string? next = null;
            do
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, $"{Path}/services?limit=500{(next is null ? "" : "&continue=" + Uri.EscapeDataString(next))}") { Version = new Version(2, 0) };
                request.Headers.Accept.ParseAdd("application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
                using var response = await _http.SendAsync(request);
                response.EnsureSuccessStatusCode();
                using var page = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync());
                next = page.RootElement.GetProperty("metadata").TryGetProperty("continue", out var token) ? token.GetString() : null;
            }
            while (!string.IsNullOrEmpty(next));
            latencies.Add(TimeProvider.System.GetElapsedTime(started).TotalMilliseconds);
        }
        latencies.Sort();
        Write($"{services} services as a table, pages of 500", $"{latencies[times / 2]:F0} ms median of {times}, {latencies[0]:F0}–{latencies[^1]:F0}");
    }

    /// <summary>Watchers, each of one object, and changes spread over these objects: from the write's start until its watcher has it.</summary>
    public async Task WatchersAsync(int watchers, int changesASecond, TimeSpan time)
    {
        using var stop = new CancellationTokenSource();
        var latencies = new ConcurrentBag<double>();
        var begun = new ConcurrentDictionary<(int, string), long>();
        var clients = Enumerable.Range(0, Math.Max(1, watchers / 50)).Select(_ => Client()).ToArray();
        for (var i = 0; i < watchers; i++) await PostAsync(_http, Path + "/configmaps", $$"""{"metadata":{"name":"w{{i}}"} }""");
        using var opened = new CountdownEvent(watchers);
        var watches = Enumerable.Range(0, watchers).Select(i => WatchAsync(clients[i % clients.Length], i)).ToArray();
        opened.Wait();
        var started = TimeProvider.System.GetTimestamp();
        var writes = new List<Task>();
        for (var n = 0; TimeProvider.System.GetElapsedTime(started) < time; n++)
        {
            writes.Add(PatchAsync(n % watchers, n.ToString(CultureInfo.InvariantCulture)));
            var due = TimeSpan.FromSeconds((n + 1.0) / changesASecond) - TimeProvider.System.GetElapsedTime(started);
            if (due > TimeSpan.Zero) await Task.Delay(due, TimeProvider.System);
        }
        await Task.WhenAll(writes);
        await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System);
        await stop.CancelAsync();
        await Task.WhenAll(watches);
        foreach (var client in clients) client.Dispose();
        var sorted = latencies.Order().ToList();
        Write($"{watchers} watchers, {changesASecond} changes/s", $"{sorted.Count} of {writes.Count} seen, {sorted[sorted.Count / 2]:F1} ms median, {sorted[sorted.Count * 99 / 100]:F1} ms p99");

        async Task PatchAsync(int index, string value)
        {
            begun[(index, value)] = TimeProvider.System.GetTimestamp();
            using var content = new StringContent($$"""{"data":{"n":"{{value}}"} }""", Encoding.UTF8, "application/merge-patch+json");
            using var response = await _http.PatchAsync($"{Path}/configmaps/w{index}", content);
            response.EnsureSuccessStatusCode();
        }

        async Task WatchAsync(HttpClient http, int index)
        {
            try
            {
                var path = $"{Path}/configmaps?watch=true&fieldSelector=metadata.name%3Dw{index}";
                using var response = await http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, stop.Token);
                opened.Signal();
                using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(stop.Token));
                while (await lines.ReadLineAsync(stop.Token) is { } line)
                {
                    using var change = JsonDocument.Parse(line);
                    if (change.RootElement.GetProperty("object").TryGetProperty("data", out var data) && begun.TryRemove((index, data.GetProperty("n").GetString()!), out var at))
                        latencies.Add(TimeProvider.System.GetElapsedTime(at).TotalMilliseconds);
                }
            }
            catch (OperationCanceledException)
            {
                // The measurement is over.
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var kind in (string[])["services", "configmaps"]) (await _http.DeleteAsync($"{Path}/{kind}")).Dispose();
        (await _http.DeleteAsync(Path)).Dispose();
        _http.Dispose();
    }

    private async Task<List<double>> RunAsync(int clients, TimeSpan time, Func<HttpClient, Random, Task> once)
    {
        var started = TimeProvider.System.GetTimestamp();
        var all = await Task.WhenAll(Enumerable.Range(0, clients).Select(async seed =>
        {
            using var http = Client();
            var random = new Random(seed);
            var latencies = new List<double>();
            while (TimeProvider.System.GetElapsedTime(started) < time)
            {
                var begun = TimeProvider.System.GetTimestamp();
                await once(http, random);
                latencies.Add(TimeProvider.System.GetElapsedTime(begun).TotalMilliseconds);
            }
            return latencies;
        }));
        return [.. all.SelectMany(latencies => latencies).Order()];
    }

    private HttpClient Client()
    {
        var http = new HttpClient(_configuration.CreateHandler()) { BaseAddress = _configuration.Server, DefaultRequestVersion = new Version(2, 0) };
        if (_configuration.BearerToken is { } token) http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        return http;
    }

    private static async Task PostAsync(HttpClient http, string path, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await http.PostAsync(path, content);
        response.EnsureSuccessStatusCode();
    }

    private static async Task<long> ReadAsync(HttpClient http, string path)
    {
        using var response = await http.GetAsync(path);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadAsByteArrayAsync()).LongLength;
    }

    private static void Report(string what, List<double> latencies, TimeSpan time) => Write(
        what, $"{latencies.Count / time.TotalSeconds:F0}/s, {latencies[latencies.Count / 2]:F2} ms median, {latencies[latencies.Count * 99 / 100]:F2} ms p99");

    private static void Write(string what, string figure) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-44} {figure}"));
}
