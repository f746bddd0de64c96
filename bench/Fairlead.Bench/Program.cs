// Measures from outside, through kubeconfigs and sockets, ours or any other. scripts/bench-api and scripts/bench-proxy set up what these need.
using System.Globalization;
using System.Net;
using Fairlead.Bench;
using Fairlead.Kube.Client;

const string Usage = """
    usage: Fairlead.Bench api KUBECONFIG SECONDS SERVICES      an API server, in a namespace of its own that goes at the end
           Fairlead.Bench serve ADDRESS:PORT…                  answers each connection with a byte that tells the addresses apart
           Fairlead.Bench fill KUBECONFIG SERVICES ENDPOINTS   services with endpoints and slices by hand, the last with a server's behind it
           Fairlead.Bench first ADDRESS:PORT NANOSECONDS       until the address answers, since that time of the clock
           Fairlead.Bench change KUBECONFIG TIMES RATE SECONDS an endpoint swapped, until the first connection that reaches it; beside so many other changes a second
           Fairlead.Bench connect ADDRESS:PORT SECONDS         new connections a second
    """;
switch (args)
{
    case ["api", var file, var seconds, var services]:
        var time = TimeSpan.FromSeconds(Number(seconds));
        await using (var bench = await ApiBench.StartAsync(KubeClientConfiguration.FromFile(file)))
        {
            await bench.CreatesAsync(clients: 16, time);
            await bench.GetsAsync(clients: 8, time);
            await bench.WatchersAsync(watchers: 1000, changesASecond: 100, time);
            await bench.FillAsync(clients: 16, Number(services));
            await bench.ListsAsync(Number(services), times: 7);
            await bench.TablesAsync(Number(services), times: 5);
        }
        return 0;
    case ["serve", .. var addresses]:
        await Task.WhenAll(addresses.Select((address, index) => Connections.ServeAsync(IPEndPoint.Parse(address), (byte)('a' + index))));
        return 0;
    case ["fill", var file, var services, var endpoints]:
        using (var bench = new ProxyBench(file)) await bench.FillAsync(Number(services), Number(endpoints));
        return 0;
    case ["first", var address, var since]:
        Console.WriteLine(await Connections.FirstAsync(IPEndPoint.Parse(address), long.Parse(since, CultureInfo.InvariantCulture)));
        return 0;
    case ["change", var file, var times, var rate, var seconds]:
        using (var bench = new ProxyBench(file)) await bench.ChangeAsync(Number(times), Number(rate), TimeSpan.FromSeconds(Number(seconds)));
        return 0;
    case ["connect", var address, var seconds]:
        Console.WriteLine(await Connections.CountAsync(IPEndPoint.Parse(address), TimeSpan.FromSeconds(Number(seconds))));
        return 0;
    default:
        Console.Error.WriteLine(Usage);
        return 1;
}

static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
