using System.Buffers.Text;
using System.Collections.Frozen;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Fairlead.Ingress.Routes.Objects;
using Fairlead.Kube;

namespace Fairlead.Ingress.Routes;

/// <summary>The backends that routes hold, kept equal to services and slices. One writer.</summary>
internal sealed class BackendSet
{
    private const int TokenBytes = 16;
    private readonly Dictionary<BackendKey, Backend> _backends = [];
    private readonly Dictionary<ObjectKey, List<Backend>> _byService = [];
    private readonly Dictionary<ObjectKey, ServiceInfo> _services = [];
    private readonly Dictionary<ObjectKey, SortedDictionary<string, SliceInfo>> _slices = [];

    internal int Count => _backends.Count;

    internal ServiceInfo? Service(ObjectKey key) => _services.GetValueOrDefault(key);

    internal IEnumerable<SliceInfo> Slices(ObjectKey service) => _slices.TryGetValue(service, out var slices) ? slices.Values : [];

    /// <summary>The backend of a key; the same object as long as anyone uses it.</summary>
    internal Backend Get(BackendKey key)
    {
        if (_backends.TryGetValue(key, out var backend)) return backend;
        backend = new Backend(key);
        _backends[key] = backend;
        if (!_byService.TryGetValue(key.Service, out var beside)) _byService[key.Service] = beside = [];
        beside.Add(backend);
        backend.State = Resolve(backend);
        return backend;
    }

    internal void SetService(ObjectKey key, ServiceInfo? service)
    {
        if (service is null) _services.Remove(key);
        else _services[key] = service;
        Refresh(key);
    }

    internal void SetSlice(ObjectKey key, SliceInfo? old, SliceInfo? now)
    {
        if (old is not null && old.Service != now?.Service && _slices.TryGetValue(old.Service, out var slices))
        {
            slices.Remove(key.Name);
            if (slices.Count == 0) _slices.Remove(old.Service);
            Refresh(old.Service);
        }
        if (now is null) return;
        if (!_slices.TryGetValue(now.Service, out slices)) _slices[now.Service] = slices = new(StringComparer.Ordinal);
        slices[key.Name] = now;
        Refresh(now.Service);
    }

    /// <summary>Forgets the backends that no route uses any more.</summary>
    internal void Remove(Predicate<Backend> unused)
    {
        foreach (var backend in _backends.Values.Where(backend => unused(backend)).ToList())
        {
            _backends.Remove(backend.Key);
            var beside = _byService[backend.Key.Service];
            beside.Remove(backend);
            if (beside.Count == 0) _byService.Remove(backend.Key.Service);
        }
    }

    private void Refresh(ObjectKey service)
    {
        if (!_byService.TryGetValue(service, out var backends)) return;
        foreach (var backend in backends) backend.State = Resolve(backend);
    }

    private BackendState Resolve(Backend backend)
    {
        if (!_services.TryGetValue(backend.Key.Service, out var service)) return BackendState.None;
        var before = backend.State.ByToken;
        if (service.ExternalName.Length > 0) return External(backend.Key, service, before);
        if (Port(backend.Key, service) is not { } port) return BackendState.None with { Problem = "the Service has no such port" };
        if (backend.Key.ViaClusterIP && service.ClusterIP.Length > 0)
            return State([Make(service, service.ClusterIP, port.Port, service.ClusterIP, before)], []);
        return FromSlices(backend.Key.Service, service, port, before);
    }

    private BackendState FromSlices(ObjectKey key, ServiceInfo service, ServicePort port, FrozenDictionary<string, Endpoint> before)
    {
        var ready = new List<Endpoint>();
        var draining = new List<Endpoint>();
        foreach (var slice in Slices(key))
        {
            foreach (var target in slice.Ports.Where(target => target.Name == port.Name).Take(1))
            {
                foreach (var endpoint in slice.Endpoints)
                {
                    if (endpoint.Ready) ready.Add(Make(service, endpoint.Address, target.Port, endpoint.Name, before));
                    else if (endpoint.Draining) draining.Add(Make(service, endpoint.Address, target.Port, endpoint.Name, before));
                }
            }
        }
        // As kube-proxy: what is going away still serves where nothing else does.
        return ready.Count > 0 ? State(ready, draining) : State(draining, []);
    }

    private static BackendState External(BackendKey key, ServiceInfo service, FrozenDictionary<string, Endpoint> before)
    {
        if (service.ExternalName is "localhost" || (IPAddress.TryParse(service.ExternalName, out var literal) && IPAddress.IsLoopback(literal)))
            return BackendState.None with { Problem = "its external name is this machine's own" };
        var port = key.PortNumber > 0 ? key.PortNumber : Port(key, service)?.Port ?? 0;
        return port == 0
            ? BackendState.None with { Problem = "the Service has no such port" }
            : State([Make(service, service.ExternalName, port, service.ExternalName, before)], []);
    }

    private static BackendState State(List<Endpoint> endpoints, List<Endpoint> draining)
    {
        var byToken = new Dictionary<string, Endpoint>(StringComparer.Ordinal);
        foreach (var endpoint in endpoints.Concat(draining)) byToken.TryAdd(endpoint.Token, endpoint);
        return new BackendState([.. endpoints], byToken.ToFrozenDictionary(StringComparer.Ordinal), endpoints.Count == 0 ? "the Service has no endpoints" : null);
    }

    private static ServicePort? Port(BackendKey key, ServiceInfo service)
    {
        foreach (var port in service.Ports)
        {
            if (key.PortName.Length > 0 ? port.Name == key.PortName : key.PortNumber == 0 || port.Port == key.PortNumber) return port;
        }
        return null;
    }

    private static Endpoint Make(ServiceInfo service, string address, int port, string name, FrozenDictionary<string, Endpoint> before)
    {
        var token = Token(service.Uid, name);
        return before.TryGetValue(token, out var same) && same.Host == address && same.Port == port ? same : new Endpoint(address, port, token);
    }

    /// <summary>Keyed with the Service's UID: the same on every node and after every restart, and nobody outside can tell which pod it names.</summary>
    internal static string Token(string serviceUid, string name) =>
        Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(serviceUid), Encoding.UTF8.GetBytes(name)).AsSpan(0, TokenBytes));
}
