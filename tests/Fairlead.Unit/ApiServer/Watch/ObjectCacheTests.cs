using System.Net;
using System.Text;
using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Watch;
using Fairlead.Kube.Selectors;
using Xunit;

namespace Fairlead.Unit.ApiServer.Watch;

public sealed class ObjectCacheTests
{
    [Fact]
    public async Task Revision_WhileAChangeIsOffered_IsStillTheOneBefore()
    {
        // A bookmark is written without the lock: of a revision that it reads, watchers must have everything.
        var kinds = new KindTable(new ServiceAllocator([new AddressRange(IPNetwork.Parse("10.96.0.0/16"))], 30000, 32767));
        var services = kinds.Find("", "v1", "services")!;
        var cache = new ObjectCache(kinds.All);
        await using var store = new MemoryStore();
        await store.OpenAsync(cache, TestContext.Current.CancellationToken);
        var watch = cache.Watch(services, new Selection("", LabelSelector.Everything, []), null)!.Value;
        var before = cache.Revision;
        var seen = new List<(long Revision, bool Offered)>();
        cache.Observe((_, _) => seen.Add((cache.Revision, watch.Watcher.Events.TryPeek(out _))));

        var value = Encoding.UTF8.GetBytes("""{"kind":"Service","apiVersion":"v1","metadata":{"name":"a","namespace":"default"}}""");
        var result = await store.WriteAsync(new StoreWrite(services.Key("default", "a"), value, 0), TestContext.Current.CancellationToken);

        Assert.Equal([(before, true)], seen);
        Assert.Equal(result.Revision, cache.Revision);
    }
}
