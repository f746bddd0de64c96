using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>A test with an API server of its own.</summary>
public abstract class ApiTest(bool withAccounts = false) : IAsyncLifetime
{
    private protected TestApiServer Server { get; private set; } = null!;

    private protected Api Requests { get; private set; } = null!;

    public virtual async ValueTask InitializeAsync()
    {
        Server = await TestApiServer.StartAsync(withAccounts: withAccounts);
        Requests = new Api(Server.Client);
    }

    public virtual async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
