using Fairlead.ApiServer.Storage;
using Fairlead.Unit.ApiServer.HTTP;
using Xunit;

namespace Fairlead.Unit.ApiServer.Storage;

/// <summary>A backup of a running server, and a server of a backup.</summary>
public sealed class BackupTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fairlead-test-");

    private string Store => Path.Combine(_folder.FullName, "store.db");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Restore_OfABackup_HasEveryObjectAsItWas_AndALaterRevision()
    {
        byte[] backup;
        string before;
        long revision;
        await using (var server = await TestApiServer.StartAsync())
        {
            var api = new Api(server.Client);
            for (var i = 0; i < 20; i++) await api.ConfigMapAsync($"c{i}", """ },"data":{"text":"zwölf \"quotes\"\nand lines" """);
            await api.DoAsync("DELETE", Api.ConfigMaps + "/c3");
            var list = await api.DoAsync("GET", Api.ConfigMaps);
            before = list["items"]!.ToJsonString();
            revision = long.Parse((string)list["metadata"]!["resourceVersion"]!, System.Globalization.CultureInfo.InvariantCulture);
            backup = await server.Client.Http.GetByteArrayAsync("/fairlead/backup", TestContext.Current.CancellationToken);
        }

        Backup.Restore(new MemoryStream(backup), Store);

        await using var again = await TestApiServer.StartAsync(new SqliteStore(Store));
        var after = await new Api(again.Client).DoAsync("GET", Api.ConfigMaps);
        Assert.Equal(before, after["items"]!.ToJsonString());
        Assert.True(long.Parse((string)after["metadata"]!["resourceVersion"]!, System.Globalization.CultureInfo.InvariantCulture) > revision);
    }

    [Fact]
    public async Task Restore_OfAPartOrOfSomethingElse_IsRefusedAndLeavesNothing()
    {
        await using var server = await TestApiServer.StartAsync();
        var backup = await server.Client.Http.GetByteArrayAsync("/fairlead/backup", TestContext.Current.CancellationToken);

        Assert.Throws<StoreException>(() => Backup.Restore(new MemoryStream(backup[..(backup.Length / 2)]), Store));
        Assert.Throws<StoreException>(() => Backup.Restore(new MemoryStream("nothing"u8.ToArray()), Store));
        Assert.Empty(_folder.GetFiles());

        Backup.Restore(new MemoryStream(backup), Store);
        Assert.Contains("is there already", Assert.Throws<StoreException>(() => Backup.Restore(new MemoryStream(backup), Store)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Backup_IsForAdministratorsAlone()
    {
        await using var server = await TestApiServer.StartAsync();
        using var jane = TestApiServer.ClientFor(server.Authority, server.Address, "jane");

        Assert.Equal(403, (await new Api(jane).SendAsync("GET", "/fairlead/backup")).Code);
    }
}
