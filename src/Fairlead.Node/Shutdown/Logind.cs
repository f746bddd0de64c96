using System.Runtime.CompilerServices;
using Fairlead.Linux.DBus;

namespace Fairlead.Node.Shutdown;

/// <summary>systemd-logind, over the system's bus (org.freedesktop.login1(5); https://systemd.io/INHIBITOR_LOCKS).</summary>
internal sealed class Logind : ILogind
{
    private const string Name = "org.freedesktop.login1", Path = "/org/freedesktop/login1", Interface = "org.freedesktop.login1.Manager";
    private const string Systemd = "org.freedesktop.systemd1";
    private const int HangUp = 1;
    private readonly DBusConnection _bus;

    private Logind(DBusConnection bus) => _bus = bus;

    /// <exception cref="IOException">There is no system bus, or it does not let this process in.</exception>
    /// <exception cref="System.Net.Sockets.SocketException">Nobody listens there.</exception>
    public static async Task<ILogind> ConnectAsync(CancellationToken cancel)
    {
        var bus = await DBusConnection.OpenAsync(DBusAddress.OfSystemBus(), cancel);
        try
        {
            await bus.SubscribeAsync($"type='signal',sender='{Name}',path='{Path}',interface='{Interface}',member='PrepareForShutdown'", cancel);
            return new Logind(bus);
        }
        catch
        {
            bus.Dispose();
            throw;
        }
    }

    public async Task<TimeSpan> LongestDelayAsync(CancellationToken cancel)
    {
        var asked = new DBusBody().Add(Interface).Add("InhibitDelayMaxUSec");
        var answer = await _bus.CallAsync(Name, Path, "org.freedesktop.DBus.Properties", "Get", asked, cancel);
        return TimeSpan.FromMicroseconds(new DBusReader(answer.Body.Span).ReadUInt64Variant());
    }

    public Task ReloadAsync(CancellationToken cancel) =>
        _bus.CallAsync(Systemd, "/org/freedesktop/systemd1", $"{Systemd}.Manager", "KillUnit", new DBusBody().Add("systemd-logind.service").Add("all").Add(HangUp), cancel);

    public async Task<IDisposable> InhibitAsync(CancellationToken cancel)
    {
        var asked = new DBusBody().Add("shutdown").Add("fairlead").Add("Pods end in order before the machine does").Add("delay");
        var answer = await _bus.CallAsync(Name, Path, Interface, "Inhibit", asked, cancel);
        // Held as long as any copy of the descriptor is open.
        return answer.Handles is [var held, ..] ? held : throw new DBusException("logind answered without a lock");
    }

    public async IAsyncEnumerable<bool> ShutdownsAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var signal in _bus.Signals.ReadAllAsync(cancel))
        {
            if (signal is { Member: "PrepareForShutdown", Signature: "b" }) yield return new DBusReader(signal.Body.Span).ReadBoolean();
        }
    }

    public void Dispose() => _bus.Dispose();
}
