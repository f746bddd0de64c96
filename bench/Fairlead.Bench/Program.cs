// Measures an API server, ours or any other, through a kubeconfig:
//   dotnet run -c Release --project bench/Fairlead.Bench -- KUBECONFIG [seconds] [services]
// It works in a namespace of its own, which it deletes at the end.
using System.Globalization;
using Fairlead.Bench;
using Fairlead.Kube.Client;

if (args.Length == 0)
{
    Console.Error.WriteLine("usage: Fairlead.Bench KUBECONFIG [seconds] [services]");
    return 1;
}
var seconds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 5;
var services = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 10_000;
await using var bench = await ApiBench.StartAsync(KubeClientConfiguration.FromFile(args[0]));
await bench.CreatesAsync(clients: 16, TimeSpan.FromSeconds(seconds));
await bench.GetsAsync(clients: 8, TimeSpan.FromSeconds(seconds));
await bench.FillAsync(clients: 16, services);
await bench.ListsAsync(services, times: 7);
return 0;
