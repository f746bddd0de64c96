using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using Fairlead.Kube.Client;

namespace Fairlead.Bench;

/// <summary>
/// Services whose endpoints are written by hand, as Endpoints and as EndpointSlices, so that a proxy that follows either has the same
/// before it. The last one's only endpoint is a real server.
/// </summary>
internal sealed class ProxyBench : IDisposable
{
    private const string Namespace = "bench";
    private static readonly string[] Servers = ["10.244.0.2", "10.244.0.3"];
    private readonly HttpClient _http;

    public ProxyBench(string kubeconfig)
    {
        var configuration = KubeClientConfiguration.FromFile(kubeconfig);
        _http = new HttpClient(configuration.CreateHandler()) { BaseAddress = configuration.Server, DefaultRequestVersion = new Version(2, 0) };
        _http.DefaultRequestHeaders.Authorization = new("Bearer", configuration.BearerToken);
    }

    public void Dispose() => _http.Dispose();

    /// <summary>The address of service n: 10.96.1.0 and on.</summary>
    private static string Address(int n) => $"10.96.{1 + n / 256}.{n % 256}";

    public async Task FillAsync(int services, int endpoints)
    {
        await SendAsync(HttpMethod.Post, "/api/v1/namespaces", $$"""{"metadata":{"name":"{{Namespace}}"} }""");
        await Parallel.ForAsync(0, services, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (n, _) =>
        {
            await SendAsync(HttpMethod.Post, $"/api/v1/namespaces/{Namespace}/services", $$"""{"metadata":{"name":"s{{n}}"},"spec":{"clusterIP":"{{Address(n)}}","ports":[{"port":80,"targetPort":8080}]} }""");
            var addresses = n == services - 1 ? [Servers[0]] : Enumerable.Range(0, endpoints).Select(i => $"10.{245 + (n * endpoints + i) / 62500}.{(n * endpoints + i) / 250 % 250}.{(n * endpoints + i) % 250 + 1}").ToArray();
            await PutAsync(n, addresses, HttpMethod.Post);
        });
        Console.WriteLine(Address(services - 1));
    }

    /// <summary>Swaps the last service's endpoint, with or without others' changes meanwhile.</summary>
    public async Task ChangeAsync(int times, int rate, TimeSpan churn)
    {
        var last = await CountAsync() - 1;
        using var stop = new CancellationTokenSource();
        var churning = rate > 0 ? ChurnAsync(last, rate, stop.Token) : Task.CompletedTask;
        var address = new IPEndPoint(IPAddress.Parse(Address(last)), 80);
        var latencies = new List<double>();
        var started = TimeProvider.System.GetTimestamp();
        // What is run the first time is compiled then; nothing changes yet.
        await PutAsync(last, [Servers[0]], HttpMethod.Put);
        await Connections.AskAsync(address);
        for (var i = 1; rate > 0 ? TimeProvider.System.GetElapsedTime(started) < churn : i <= times; i++)
        {
            var begun = TimeProvider.System.GetTimestamp();
            await PutAsync(last, [Servers[i % 2]], HttpMethod.Put);
            while (await Connections.AskAsync(address) != (char)('a' + i % 2))
            {
            }
            latencies.Add(TimeProvider.System.GetElapsedTime(begun).TotalMilliseconds);
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        }
        await stop.CancelAsync();
        await churning;
        // Odd or even: the next run begins with the other one again.
        await PutAsync(last, [Servers[0]], HttpMethod.Put);
        var third = latencies.Count / 3;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Median(latencies):F1} ms median, {latencies.Order().ElementAt(latencies.Count * 99 / 100):F1} ms p99 of {latencies.Count}; first third {Median(latencies[..third]):F1} ms, last third {Median(latencies[^third..]):F1} ms"));
    }

    private static double Median(List<double> values) => values.Count == 0 ? double.NaN : values.Order().ElementAt(values.Count / 2);

    private async Task ChurnAsync(int last, int rate, CancellationToken stop)
    {
        var random = new Random(1);
        var started = TimeProvider.System.GetTimestamp();
        var writes = new ConcurrentQueue<Task>();
        for (var n = 1; !stop.IsCancellationRequested; n++)
        {
            var service = random.Next(last);
            writes.Enqueue(PutAsync(service, [$"10.250.{n / 250 % 250}.{n % 250 + 1}", $"10.251.{n / 250 % 250}.{n % 250 + 1}"], HttpMethod.Put));
            var due = TimeSpan.FromSeconds((double)n / rate) - TimeProvider.System.GetElapsedTime(started);
            if (due > TimeSpan.Zero) await Task.Delay(due, TimeProvider.System, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            while (writes.TryPeek(out var oldest) && oldest.IsCompleted && writes.TryDequeue(out _)) await oldest;
        }
        await Task.WhenAll(writes);
    }

    private async Task PutAsync(int n, string[] addresses, HttpMethod method)
    {
        var name = method == HttpMethod.Put ? $"/s{n}" : "";
        var old = $$"""{"metadata":{"name":"s{{n}}","labels":{"endpointslice.kubernetes.io/skip-mirror":"true"} },"subsets":[{"addresses":[{{string.Join(',', addresses.Select(address => $$"""{"ip":"{{address}}"}"""))}}],"ports":[{"port":8080}]}]}""";
        var slice = $$"""{"metadata":{"name":"s{{n}}","labels":{"kubernetes.io/service-name":"s{{n}}","endpointslice.kubernetes.io/managed-by":"bench"} },"addressType":"IPv4","ports":[{"port":8080,"protocol":"TCP","name":""}],"endpoints":[{{string.Join(',', addresses.Select(address => $$"""{"addresses":["{{address}}"],"conditions":{"ready":true} }"""))}}]}""";
        await Task.WhenAll(
            SendAsync(method, $"/apis/discovery.k8s.io/v1/namespaces/{Namespace}/endpointslices{name}", slice),
            SendAsync(method, $"/api/v1/namespaces/{Namespace}/endpoints{name}", old));
    }

    private async Task<int> CountAsync()
    {
        using var response = await _http.GetAsync($"/api/v1/namespaces/{Namespace}/services");
        using var list = System.Text.Json.JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync());
        return list.RootElement.GetProperty("items").GetArrayLength();
    }

    private async Task SendAsync(HttpMethod method, string path, string body)
    {
        using var request = new HttpRequestMessage(method, path) { Version = new Version(2, 0), Content = new StringContent(body, Encoding.UTF8, "application/json") };
        using var response = await _http.SendAsync(request);
        if (!response.IsSuccessStatusCode) throw new HttpRequestException($"{method} {path}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
    }
}
