// Three operations through the generated TypeScript client. The environment names the API and the tokens.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

const environment = (globalThis as unknown as { process: { env: Record<string, string> } }).process.env;

function client(token: string) {
  return createClient<paths>({ baseUrl: environment.API_URL, headers: { Authorization: `Bearer ${token}` } });
}

function check(isSo: boolean, what: unknown): void {
  if (!isSo) throw new Error(JSON.stringify(what));
}

const user = client(environment.TOKEN ?? "");
const late = client(environment.EXPIRED_TOKEN ?? "");

const created = await user.POST("/api/v1/wallets", {
  body: {
    wallet_id: "demo-wallet-v1",
    custom_name: "Generated",
    credentials: { initial_balance_usd: "10000" },
    risk_limits: {
      max_position_size_usd: 1000,
      max_total_exposure_usd: 5000,
      max_open_positions: 5,
      daily_loss_limit_usd: "500",
    },
  },
});
if (!created.data) throw new Error(JSON.stringify(created.error));

const placed = await user.POST("/api/v1/wallets/{user_wallet_id}/orders", {
  params: { path: { user_wallet_id: created.data.id } },
  body: { symbol: "BTC/USDT", side: "buy", type: "market", amount: "0.01" },
});
if (!placed.data) throw new Error(JSON.stringify(placed.error));
check(placed.data.filled_amount === "0.01", placed.data);

const listed = await user.GET("/api/v1/wallets");
check(listed.data?.items[0]?.id === created.data.id, listed);

const refused = await late.GET("/api/v1/wallets");
check(refused.response.status === 401, refused.response.status);
const refusal: components["schemas"]["Refusal"] | undefined = refused.error;
check(refusal !== undefined && !("code" in refusal) && refusal.message === "Unauthorized", refusal);

const wrong = await late.POST("/api/v1/auth/login", { body: { email: "nobody@example.com", password: "wrong" } });
const problem: components["schemas"]["Refusal"] | undefined = wrong.error;
check(problem !== undefined && "code" in problem && problem.code === "UNAUTHENTICATED", problem);
console.log("done");
